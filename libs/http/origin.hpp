// SPDX-License-Identifier: Apache-2.0
// What browsers say about the page that makes a request: the Origin header (RFC 6454) and fetch metadata.
// Pure functions; views point into the request.
#pragma once

#include <optional>
#include <string_view>

#include "http/request_head.hpp"

namespace bulkhead::http {

/// The value of the only line `name`, nullopt when there is none. Of several lines, which no browser sends,
/// it is "", which is equal to nothing that is allowed.
[[nodiscard]] std::optional<std::string_view> lone_value(const request_head& head, std::string_view name);

/// Whether `origin` ("https://api.example.com:8443") is the one that the request was sent to. `secure`: it
/// came over TLS, so that a page without TLS is another origin. Else a proxy may have taken the TLS away.
[[nodiscard]] bool is_own_origin(std::string_view origin, std::string_view host, bool secure);

}  // namespace bulkhead::http
