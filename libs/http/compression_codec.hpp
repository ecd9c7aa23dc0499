// SPDX-License-Identifier: Apache-2.0
// Bytes into gzip (RFC 1952) or zstd (RFC 8878). Each thread keeps its working memory, 0.3 MB for gzip and up
// to 1 MB for zstd, so that a small answer costs no allocation but its own.
#pragma once

#include <string>
#include <string_view>

#include "http/accept_encoding.hpp"

namespace bulkhead::http {

enum class effort {
    quick,     // for what is sent once: about 10 (gzip) or 4 (zstd) microseconds for a KiB
    thorough,  // for what is kept: 50 to 200 microseconds for a KiB
};

/// `how` is not identity. Throws std::bad_alloc.
std::string compress(std::string_view text, coding how, effort care);

}  // namespace bulkhead::http
