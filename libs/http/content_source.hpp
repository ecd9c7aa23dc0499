// SPDX-License-Identifier: Apache-2.0
// Content that is too large to be held: its size is known, its bytes come piece by piece while they are sent.
// Belongs to the answer that carries it, and to one reactor; whatever blocks happens elsewhere.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::http {

class content_source {
public:
    virtual ~content_source() = default;

    /// Bytes of all of it; goes out as Content-Length and never changes.
    [[nodiscard]] virtual std::uint64_t size() const noexcept = 0;

    /// The next piece, in order, not empty; valid until the next call. Asked for until `size` bytes were
    /// given. An error: the rest does not come, and the connection is cut, since nothing else would tell the
    /// client.
    virtual awaitable<result<std::string_view>> next() = 0;
};

}  // namespace bulkhead::http
