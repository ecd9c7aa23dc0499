// SPDX-License-Identifier: Apache-2.0
// Whether a request may be served now, by what its sender has asked for lately. The server asks for requests
// whose sender is known by address only; who verifies a caller asks for that caller. Belongs to one reactor.
#pragma once

#include "http/exchange.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::http {

class request_limiter {
public:
    /// Counts the request for its address, by its route's rate class. errc::too_many_requests with the time
    /// to wait. Adds headers to the answer that tell the client where it stands.
    virtual awaitable<result<>> count_client(exchange& x) = 0;

protected:
    ~request_limiter() = default;
};

}  // namespace bulkhead::http
