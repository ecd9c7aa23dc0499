// SPDX-License-Identifier: Apache-2.0
// What one step of a reader says: more bytes are needed, a unit is complete, or the peer is refused.
// No reader throws or allocates to say no; details are string literals that may be shown to the client.
#pragma once

#include <cstddef>
#include <expected>
#include <string_view>

#include "base/error.hpp"

namespace bulkhead::http {

/// Why a request cannot be served. The framing is lost: answer and close the connection.
struct refusal {
    errc code = errc::malformed_request;
    std::string_view detail{};  // short, static storage
};

using checked = std::expected<void, refusal>;

[[nodiscard]] inline std::unexpected<refusal> refuse(errc code, std::string_view detail) {
    return std::unexpected(refusal{code, detail});
}
[[nodiscard]] inline std::unexpected<refusal> malformed(std::string_view detail) {
    return refuse(errc::malformed_request, detail);
}

enum class progress { need_more, complete, refused };

struct read_outcome {
    progress state = progress::need_more;
    std::size_t consumed = 0;  // bytes of the input that the caller may now drop
    refusal why{};             // when refused
};

}  // namespace bulkhead::http
