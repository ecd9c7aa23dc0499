// SPDX-License-Identifier: Apache-2.0
// X-Request-Timeout-Ms: how long the client is going to wait. What comes later helps nobody, so the request's
// deadline is not after that. A duration, since clocks of clients differ from ours.
#pragma once

#include <chrono>
#include <optional>

#include "base/error.hpp"
#include "http/exchange.hpp"

namespace bulkhead::http {

/// What the header says; nullopt without one. 1 to 10 digits. errc::malformed_request for anything else and
/// for two of them: a client whose limit is not understood would believe that there is one.
result<std::optional<std::chrono::milliseconds>> requested_timeout(const request_head& head);

/// Brings the request's deadline forward to what its client asks, counted from `began`; never puts it off.
/// errc::deadline_exceeded when that has passed already.
result<> limit_time(exchange& x, std::chrono::steady_clock::time_point began);

}  // namespace bulkhead::http
