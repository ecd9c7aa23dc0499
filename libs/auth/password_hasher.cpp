// SPDX-License-Identifier: Apache-2.0
#include "auth/password_hasher.hpp"

#include <crypt.h>
#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <stdexcept>

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "base/random.hpp"

namespace bulkhead::auth {
namespace {

constexpr std::string_view our_prefix = "$2b$";
constexpr std::string_view unpeppered_key = "bulkhead password prehash v1";
constexpr std::size_t bcrypt_input_limit = 72;
constexpr std::size_t hash_size = 60;  // "$2b$12$", 22 characters of salt, 31 of digest
constexpr std::size_t setting_size = 29;
constexpr std::size_t salt_bytes = 16;

/// libxcrypt's work area (32 KiB), which holds key material afterwards.
struct work_area {
    work_area() = default;
    work_area(const work_area&) = delete;
    work_area& operator=(const work_area&) = delete;
    ~work_area() { OPENSSL_cleanse(&data, sizeof data); }

    crypt_data data{};
};

/// The full hash, or an empty text when libxcrypt refuses the setting.
std::string bcrypt(const secret& input, const std::string& setting) {
    const auto area = std::make_unique<work_area>();
    // A secret views a std::string, so a NUL follows its text.
    const char* const out = crypt_rn(input.reveal().data(), setting.c_str(), &area->data, sizeof area->data);
    const std::string_view text = out == nullptr ? std::string_view{} : std::string_view(out);
    return text.size() == hash_size ? std::string(text) : std::string();
}

std::string new_setting(unsigned cost) {
    const auto noise = random_bytes(salt_bytes);
    std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> out{};
    if (crypt_gensalt_rn(our_prefix.data(), cost, noise.data(), static_cast<int>(noise.size()), out.data(),
                         static_cast<int>(out.size())) == nullptr)
        throw std::runtime_error("libxcrypt cannot make a bcrypt salt");
    return out.data();
}

/// The cost of a complete bcrypt hash; nullopt for all else.
std::optional<unsigned> cost_of(std::string_view stored) {
    constexpr std::string_view alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    // $2x$ marks hashes of a broken implementation that ignores most of some passwords.
    if (stored.size() != hash_size ||
        !(stored.starts_with("$2a$") || stored.starts_with("$2b$") || stored.starts_with("$2y$")))
        return std::nullopt;
    if (!is_digit(stored[4]) || !is_digit(stored[5]) || stored[6] != '$') return std::nullopt;
    if (stored.find_first_not_of(alphabet, 7) != std::string_view::npos) return std::nullopt;
    const auto cost = static_cast<unsigned>((stored[4] - '0') * 10 + (stored[5] - '0'));
    if (cost < password_hasher::min_cost || cost > password_hasher::max_cost) return std::nullopt;
    return cost;
}

/// Compares digests only: the setting was the input, and other systems leave stray bits in the salt's last
/// character that libxcrypt normalises.
bool same_digest(std::string_view computed, std::string_view stored) {
    return computed.size() == hash_size &&
           constant_time_equal(computed.substr(setting_size), stored.substr(setting_size));
}

secret prehashed(std::string_view key, const secret& password) {
    return secret(to_base64(hmac_sha384(key, password.reveal()).view()));
}

/// The greater of the two, which `known` is afterwards.
unsigned raise(std::atomic<unsigned>& known, unsigned value) {
    auto now = known.load();
    while (now < value && !known.compare_exchange_weak(now, value)) {
    }
    return std::max(now, value);
}

bool bcrypt_would_cut(const secret& password) {
    return password.size() > bcrypt_input_limit || password.reveal().find('\0') != std::string_view::npos;
}

}  // namespace

password_hasher::password_hasher(unsigned cost, secret pepper)
    : cost_(cost), dearest_(cost), pepper_(std::move(pepper)) {
    if (cost < min_cost || cost > max_cost)
        throw std::invalid_argument(fmt::format("the bcrypt cost must be {} to {}", min_cost, max_cost));
    // Nobody knows an input with this digest, and finding one is as hard as for any other.
    dummy_ = new_setting(cost_) + std::string(hash_size - setting_size, '.');
}

/// What bcrypt may have been given for `password`: first as `hash` does it now, then as it was done before
/// there was a pepper.
std::vector<secret> password_hasher::inputs(const secret& password) const {
    std::vector<secret> out;
    if (!pepper_.empty()) out.push_back(prehashed(pepper_.reveal(), password));
    out.push_back(bcrypt_would_cut(password) ? prehashed(unpeppered_key, password) : password);
    return out;
}

std::string password_hasher::hash(const secret& password) const {
    auto out = bcrypt(inputs(password).front(), new_setting(cost_));
    if (out.empty()) throw std::runtime_error("libxcrypt cannot hash with bcrypt");
    return out;
}

password_hasher::verdict password_hasher::verify(const secret& password, std::string_view stored) const {
    const auto stored_cost = cost_of(stored);
    const std::string candidate(stored_cost ? stored : std::string_view(dummy_));
    const auto tried_cost = stored_cost.value_or(cost_);
    const auto dearest = raise(dearest_, tried_cost);
    const auto tried = inputs(password);
    verdict out;
    const auto work = [&out](const secret& input, const std::string& setting, unsigned cost) {
        out.rounds += std::uint64_t{1} << cost;
        return bcrypt(input, setting);
    };
    for (std::size_t i = 0; i < tried.size(); ++i) {
        out.matches = same_digest(work(tried[i], candidate, tried_cost), candidate) && stored_cost;
        out.outdated = out.matches && (i > 0 || tried_cost != cost_ || !stored.starts_with(our_prefix));
        if (out.matches) return out;
    }
    // 2^c + (2^c + 2^(c+1) + ... + 2^(C-1)) = 2^C: the work that was saved by a cheaper stored hash.
    for (unsigned cost = tried_cost; cost < dearest; ++cost)
        for (const auto& input : tried) static_cast<void>(work(input, new_setting(cost), cost));
    return out;
}

}  // namespace bulkhead::auth
