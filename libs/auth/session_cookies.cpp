// SPDX-License-Identifier: Apache-2.0
#include "auth/session_cookies.hpp"

#include "http/cookies.hpp"
#include "http/cross_origin.hpp"

namespace bulkhead::auth {
namespace {

/// Over TLS only the name is good that no subdomain and no plain connection can set (RFC 6265bis section
/// 4.1.3.2); the other one would let them choose who is signed in.
std::string_view cookie_name(bool secure) { return secure ? "__Host-access_token" : "access_token"; }

}  // namespace

result<> session_cookies::may_set(const http::exchange& x) const {
    return http::check_same_origin(x, allowed_);
}

void session_cookies::set(http::exchange& x, std::string_view token, std::chrono::seconds lifetime) const {
    const bool over_tls = secure(x);
    x.add_header(
        "Set-Cookie",
        http::set_cookie(
            {.name = cookie_name(over_tls), .value = token, .max_age = lifetime, .secure = over_tls}));
}

result<std::optional<std::string_view>> session_cookies::token(http::exchange& x) const {
    const auto found = http::find_cookie(x.head(), cookie_name(secure(x)));
    if (!found) return fail(errc::unauthenticated, found.error().detail);
    if (!*found) return std::nullopt;
    if (!http::is_safe(x.head().method)) x.add_header("Vary", "Origin, Sec-Fetch-Site");
    if (auto allowed = http::check_same_origin(x, allowed_); !allowed)
        return std::unexpected(std::move(allowed.error()));
    return *found;
}

}  // namespace bulkhead::auth
