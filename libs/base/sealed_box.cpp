// SPDX-License-Identifier: Apache-2.0
#include "base/sealed_box.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "base/random.hpp"

namespace bulkhead {
namespace {

constexpr std::string_view sealed_prefix = "g1:";
constexpr std::string_view plain_prefix = "plain:";
constexpr std::size_t key_size = 32;
constexpr std::size_t id_size = 8;
constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;
constexpr std::size_t max_plain = std::size_t{1024} * 1024;
constexpr std::size_t max_sealed = max_plain * 4 / 3 + 128;

using cipher_context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

void require(bool worked, const char* what) {
    if (!worked) throw std::runtime_error(fmt::format("OpenSSL: {} failed", what));
}

const unsigned char* bytes_of(std::string_view data) {
    return reinterpret_cast<const unsigned char*>(data.data() != nullptr ? data.data() : "");
}
unsigned char* bytes_of(std::string& data) { return reinterpret_cast<unsigned char*>(data.data()); }

/// A GCM context in the given direction that has taken key, nonce (12 bytes, the default) and associated
/// data.
cipher_context start(bool encrypting, std::string_view key, std::string_view nonce,
                     std::string_view associated) {
    cipher_context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
    require(context != nullptr, "EVP_CIPHER_CTX_new");
    require(EVP_CipherInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key), bytes_of(nonce),
                              encrypting ? 1 : 0) == 1,
            "EVP_CipherInit_ex");
    int written = 0;
    require(EVP_CipherUpdate(context.get(), nullptr, &written, bytes_of(associated),
                             static_cast<int>(associated.size())) == 1,
            "EVP_CipherUpdate");
    return context;
}

std::string encrypt(std::string_view key, std::string_view plain, std::string_view associated) {
    std::string out = random_bytes(nonce_size);
    const auto context = start(true, key, out, associated);
    out.resize(nonce_size + plain.size() + tag_size);
    auto* const body = bytes_of(out) + nonce_size;
    int written = 0;
    int rest = 0;
    require(
        EVP_CipherUpdate(context.get(), body, &written, bytes_of(plain), static_cast<int>(plain.size())) == 1,
        "EVP_CipherUpdate");
    require(EVP_CipherFinal_ex(context.get(), body + written, &rest) == 1, "EVP_CipherFinal_ex");
    require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, body + plain.size()) == 1,
            "reading the GCM tag");
    return out;
}

/// nullopt when the tag does not fit. `blob` holds at least nonce and tag.
std::optional<secret> decrypt(std::string_view key, std::string_view blob, std::string_view associated) {
    const auto context = start(false, key, blob.substr(0, nonce_size), associated);
    std::string tag(blob.substr(blob.size() - tag_size));
    const auto ciphertext = blob.substr(nonce_size, blob.size() - nonce_size - tag_size);
    std::string plain(ciphertext.size(), '\0');
    int written = 0;
    int rest = 0;
    require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data()) == 1,
            "setting the GCM tag");
    require(EVP_CipherUpdate(context.get(), bytes_of(plain), &written, bytes_of(ciphertext),
                             static_cast<int>(ciphertext.size())) == 1,
            "EVP_CipherUpdate");
    if (EVP_CipherFinal_ex(context.get(), bytes_of(plain) + written, &rest) == 1)
        return secret(std::move(plain));
    OPENSSL_cleanse(plain.data(), plain.size());  // unauthenticated plaintext must not be left behind
    return std::nullopt;
}

std::string id_of(const secret& key) {
    std::string named = "bulkhead data key id";
    named += key.reveal();
    const secret input(std::move(named));
    return to_base64url(sha256(input.reveal()).view()).substr(0, id_size);
}

std::unexpected<error> damaged() { return fail(errc::internal, "a sealed value is damaged or out of place"); }

}  // namespace

sealed_box::sealed_box(const std::optional<secret>& key, const std::optional<secret>& previous) {
    if (!key && previous) throw std::invalid_argument("a previous data key needs a current one");
    for (const auto* candidate : {&key, &previous}) {
        if (!*candidate) continue;
        if ((*candidate)->size() != key_size) throw std::invalid_argument("a data key has 32 bytes");
        keys_.push_back({id_of(**candidate), **candidate});
    }
}

std::string sealed_box::seal(std::string_view plain, std::string_view context) const {
    if (plain.size() > max_plain || context.size() > max_plain)
        throw std::invalid_argument("too long to be sealed");
    if (keys_.empty()) return fmt::format("{}{}", plain_prefix, to_base64url(plain));
    const auto& newest = keys_.front();
    return fmt::format("{}{}:{}", sealed_prefix, newest.id,
                       to_base64url(encrypt(newest.key.reveal(), plain, context)));
}

result<secret> sealed_box::open(std::string_view sealed, std::string_view context) const {
    if (sealed.size() > max_sealed || context.size() > max_plain) return damaged();
    if (sealed.starts_with(plain_prefix)) {
        auto plain = from_base64url(sealed.substr(plain_prefix.size()));
        if (!plain) return damaged();
        return secret(std::move(*plain));
    }
    if (!sealed.starts_with(sealed_prefix)) return damaged();
    sealed.remove_prefix(sealed_prefix.size());
    if (sealed.size() <= id_size || sealed[id_size] != ':') return damaged();
    const auto key = std::ranges::find(keys_, sealed.substr(0, id_size), &entry::id);
    if (key == keys_.end())
        return fail(errc::internal, "a sealed value needs a data key that is not configured");
    const auto blob = from_base64url(sealed.substr(id_size + 1));
    if (!blob || blob->size() < nonce_size + tag_size) return damaged();
    auto plain = decrypt(key->key.reveal(), *blob, context);
    if (!plain) return damaged();
    return std::move(*plain);
}

std::vector<std::string> sealed_box::key_ids() const {
    std::vector<std::string> ids;
    for (const auto& one : keys_) ids.push_back(one.id);
    return ids;
}

std::string_view sealed_box::key_id_of(std::string_view sealed) noexcept {
    if (sealed.starts_with(plain_prefix)) return plain_prefix.substr(0, plain_prefix.size() - 1);
    if (!sealed.starts_with(sealed_prefix)) return {};
    sealed.remove_prefix(sealed_prefix.size());
    return sealed.size() > id_size && sealed[id_size] == ':' ? sealed.substr(0, id_size) : std::string_view();
}

bool sealed_box::current(std::string_view sealed) const {
    if (keys_.empty()) return sealed.starts_with(plain_prefix);
    return sealed.starts_with(fmt::format("{}{}:", sealed_prefix, keys_.front().id));
}

}  // namespace bulkhead
