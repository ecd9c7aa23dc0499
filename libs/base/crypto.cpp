// SPDX-License-Identifier: Apache-2.0
#include "base/crypto.hpp"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <stdexcept>
#include <string>

namespace bulkhead {
namespace {

constexpr std::size_t hkdf_max_length = std::size_t{255} * 32;  // RFC 5869 section 2.3

void require(bool worked, const char* what) {
    if (!worked) throw std::runtime_error(fmt::format("OpenSSL: {} failed", what));
}

template <class T>
T* fetched(T* algorithm, const char* what) {
    require(algorithm != nullptr, what);
    return algorithm;
}

// Never freed: they live as long as the process, and OpenSSL's own exit handler may run before ours.
EVP_MD* sha256_algorithm() {
    static EVP_MD* const algorithm = fetched(EVP_MD_fetch(nullptr, "SHA2-256", nullptr), "fetching SHA2-256");
    return algorithm;
}
EVP_MAC* hmac_algorithm() {
    static EVP_MAC* const algorithm = fetched(EVP_MAC_fetch(nullptr, "HMAC", nullptr), "fetching HMAC");
    return algorithm;
}
EVP_KDF* hkdf_algorithm() {
    static EVP_KDF* const algorithm = fetched(EVP_KDF_fetch(nullptr, "HKDF", nullptr), "fetching HKDF");
    return algorithm;
}

// OpenSSL takes a null pointer for "not given", which an empty view may carry.
const unsigned char* bytes_of(std::string_view data) {
    return reinterpret_cast<const unsigned char*>(data.data() != nullptr ? data.data() : "");
}

OSSL_PARAM octets(const char* name, std::string_view data) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<unsigned char*>(bytes_of(data)), data.size());
}

OSSL_PARAM hash_named(const char* parameter, const char* hash) {
    return OSSL_PARAM_construct_utf8_string(parameter, const_cast<char*>(hash), 0);
}

struct mac_context_release {
    void operator()(EVP_MAC_CTX* context) const noexcept { EVP_MAC_CTX_free(context); }
};
using mac_context = std::unique_ptr<EVP_MAC_CTX, mac_context_release>;

mac_context keyed_hmac(const char* hash, std::string_view key) {
    mac_context context(EVP_MAC_CTX_new(hmac_algorithm()));
    require(context != nullptr, "EVP_MAC_CTX_new");
    const OSSL_PARAM parameters[] = {hash_named(OSSL_MAC_PARAM_DIGEST, hash), OSSL_PARAM_construct_end()};
    require(EVP_MAC_init(context.get(), bytes_of(key), key.size(), parameters) == 1, "EVP_MAC_init");
    return context;
}

template <std::size_t Size>
digest<Size> finish(EVP_MAC_CTX* context, std::string_view data) {
    digest<Size> out;
    std::size_t written = 0;
    require(EVP_MAC_update(context, bytes_of(data), data.size()) == 1, "EVP_MAC_update");
    require(EVP_MAC_final(context, out.bytes.data(), &written, Size) == 1 && written == Size,
            "EVP_MAC_final");
    return out;
}

}  // namespace

digest256 sha256(std::string_view data) {
    digest256 out;
    unsigned written = 0;
    require(EVP_Digest(bytes_of(data), data.size(), out.bytes.data(), &written, sha256_algorithm(),
                       nullptr) == 1 &&
                written == out.bytes.size(),
            "EVP_Digest");
    return out;
}

void sha256_stream::release::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

sha256_stream::sha256_stream() : context_(EVP_MD_CTX_new()) {
    require(context_ != nullptr, "EVP_MD_CTX_new");
    require(EVP_DigestInit_ex2(context_.get(), sha256_algorithm(), nullptr) == 1, "EVP_DigestInit_ex2");
}

void sha256_stream::add(std::string_view piece) {
    require(EVP_DigestUpdate(context_.get(), piece.data(), piece.size()) == 1, "EVP_DigestUpdate");
}

digest256 sha256_stream::finish() {
    digest256 out;
    unsigned written = 0;
    require(
        EVP_DigestFinal_ex(context_.get(), out.bytes.data(), &written) == 1 && written == out.bytes.size(),
        "EVP_DigestFinal_ex");
    return out;
}

digest256 hmac_sha256(std::string_view key, std::string_view data) {
    return finish<32>(keyed_hmac("SHA2-256", key).get(), data);
}

digest384 hmac_sha384(std::string_view key, std::string_view data) {
    return finish<48>(keyed_hmac("SHA2-384", key).get(), data);
}

secret hkdf_sha256(std::string_view input, std::string_view salt, std::string_view info, std::size_t length) {
    if (input.empty()) throw std::invalid_argument("HKDF needs a secret");
    if (length == 0 || length > hkdf_max_length) throw std::invalid_argument("HKDF gives 1 to 8160 bytes");
    const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(EVP_KDF_CTX_new(hkdf_algorithm()),
                                                                            &EVP_KDF_CTX_free);
    require(context != nullptr, "EVP_KDF_CTX_new");
    const OSSL_PARAM parameters[] = {hash_named(OSSL_KDF_PARAM_DIGEST, "SHA2-256"),
                                     octets(OSSL_KDF_PARAM_KEY, input), octets(OSSL_KDF_PARAM_SALT, salt),
                                     octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
    std::string out(length, '\0');
    require(EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(out.data()), out.size(),
                           parameters) == 1,
            "EVP_KDF_derive");
    return secret(std::move(out));
}

void hmac_sha256_key::release::operator()(evp_mac_ctx_st* context) const noexcept {
    EVP_MAC_CTX_free(context);
}

hmac_sha256_key::hmac_sha256_key(std::string_view key) : keyed_(keyed_hmac("SHA2-256", key).release()) {}

digest256 hmac_sha256_key::sign(std::string_view data) const {
    // The copy starts with the inner and outer pads already hashed, and leaves the original for the next
    // caller.
    const mac_context copy(EVP_MAC_CTX_dup(keyed_.get()));
    require(copy != nullptr, "EVP_MAC_CTX_dup");
    return finish<32>(copy.get(), data);
}

bool hmac_sha256_key::verify(std::string_view data, std::string_view mac) const {
    return constant_time_equal(sign(data).view(), mac);
}

}  // namespace bulkhead
