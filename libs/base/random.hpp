// SPDX-License-Identifier: Apache-2.0
// Unpredictable bytes from OpenSSL's generator, and cheap jitter for delays. Safe from any thread.
#pragma once

#include <cstddef>
#include <string>

namespace bulkhead {

/// `count` unpredictable bytes. Throws std::runtime_error when the system cannot give any.
std::string random_bytes(std::size_t count);

/// `bytes` of randomness as base64url text; 32 bytes give 43 characters.
std::string random_token(std::size_t bytes = 32);

/// Uniform in [0, 1). Not for secrets.
double jitter();

}  // namespace bulkhead
