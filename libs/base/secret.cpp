// SPDX-License-Identifier: Apache-2.0
#include "base/secret.hpp"

#include <openssl/crypto.h>

namespace bulkhead {

// A plain copy would free a buffer that is too small without wiping it.
secret& secret::operator=(const secret& other) { return *this = secret(other); }

secret& secret::operator=(secret&& other) noexcept {
    if (this != &other) {
        wipe();
        value_ = std::move(other.value_);
        other.wipe();
    }
    return *this;
}

void secret::wipe() noexcept {
    // resize first: growing to the capacity makes every byte that was ever used reachable.
    value_.resize(value_.capacity());
    OPENSSL_cleanse(value_.data(), value_.size());
    value_.clear();
}

std::string secret::redacted() const {
    return empty() ? "(empty)" : fmt::format("***[{} chars]***", value_.size());
}

bool constant_time_equal(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace bulkhead
