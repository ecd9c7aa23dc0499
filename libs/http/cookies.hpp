// SPDX-License-Identifier: Apache-2.0
// Cookies as RFC 6265bis has them: how one is read, and how one is written that no script and no other site
// gets hold of. Pure functions; views point into the request.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "http/request_head.hpp"

namespace bulkhead::http {

/// The most that browsers keep of one cookie: name and value together (RFC 6265bis section 5.6).
inline constexpr std::size_t max_cookie_size = 4096;

/// The value of the cookie `name`, to the letter, from all Cookie lines; nullopt when there is none.
/// errc::malformed_request when there are several: one is ours, and nobody can tell which.
[[nodiscard]] result<std::optional<std::string_view>> find_cookie(const request_head& head,
                                                                  std::string_view name);

struct cookie {
    std::string_view name;
    std::string_view value;
    std::chrono::seconds max_age;
    bool secure;  // only over TLS; a name that begins with "__Host-" demands it
};

/// The value of a Set-Cookie header: for this host alone, all its paths, out of reach of scripts, and not
/// sent with other sites' requests but for plain links. Throws std::logic_error for what a browser would
/// refuse to keep: too long, characters that are not allowed.
[[nodiscard]] std::string set_cookie(const cookie& what);

}  // namespace bulkhead::http
