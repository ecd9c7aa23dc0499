// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/script.hpp"

#include <openssl/evp.h>

#include <array>
#include <span>
#include <stdexcept>

#include "base/encoding.hpp"

namespace bulkhead::redis {
namespace {

/// Redis names scripts by SHA-1; nothing here relies on its strength.
std::string sha1_hex(std::string_view text) {
    std::array<unsigned char, 20> digest{};
    std::size_t size = 0;
    if (EVP_Q_digest(nullptr, "SHA1", nullptr, text.data(), text.size(), digest.data(), &size) != 1 ||
        size != digest.size())
        throw std::runtime_error("OpenSSL computes no SHA-1");
    return to_hex(std::as_bytes(std::span(digest)));
}

}  // namespace

script::script(std::string_view source) : source_(source), sha1_(sha1_hex(source)) {}

}  // namespace bulkhead::redis
