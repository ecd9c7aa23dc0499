// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/scram.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "base/random.hpp"

namespace bulkhead::postgres {
namespace {

constexpr std::size_t salt_size = 16;  // as PostgreSQL's own
constexpr unsigned most_rounds = std::numeric_limits<int>::max();

bool is_plain(std::string_view password) {
    return !password.empty() && std::ranges::all_of(password, [](char c) { return c >= ' ' && c <= '~'; });
}

/// Hi() of RFC 5802, which is PBKDF2 with one block of output.
digest256 salted_password(std::string_view password, std::string_view salt, unsigned rounds) {
    digest256 out;
    if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                          reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                          static_cast<int>(rounds), EVP_sha256(), static_cast<int>(out.bytes.size()),
                          out.bytes.data()) != 1)
        throw std::runtime_error("PBKDF2 failed");
    return out;
}

}  // namespace

result<std::string> scram_verifier(std::string_view password, unsigned rounds) {
    return scram_verifier(password, rounds, random_bytes(salt_size));
}

result<std::string> scram_verifier(std::string_view password, unsigned rounds, std::string_view salt) {
    if (!is_plain(password)) return fail(errc::validation_failed, "the password is not printable ASCII");
    if (rounds == 0 || rounds > most_rounds)
        return fail(errc::validation_failed, "the rounds are out of range");
    auto salted = salted_password(password, salt, rounds);
    const auto stored_key = sha256(hmac_sha256(salted.view(), "Client Key").view());
    const auto server_key = hmac_sha256(salted.view(), "Server Key");
    OPENSSL_cleanse(salted.bytes.data(), salted.bytes.size());
    return fmt::format("SCRAM-SHA-256${}:{}${}:{}", rounds, to_base64(salt), to_base64(stored_key.view()),
                       to_base64(server_key.view()));
}

}  // namespace bulkhead::postgres
