// SPDX-License-Identifier: Apache-2.0
// The access token as a cookie, for web apps that should not hold it themselves: out of reach of their
// scripts, and good for writes only from pages of this origin or of one that CORS names. Immutable: safe from
// any thread, one per program.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "http/cors.hpp"
#include "http/exchange.hpp"

namespace bulkhead::auth {

class session_cookies {
public:
    /// `always_secure`: cookies are for TLS only, also where a request seems to come without (behind a proxy
    /// that does not say). `allowed` must outlive this.
    session_cookies(bool always_secure, const http::cors_policy& allowed)
        : always_secure_(always_secure), allowed_(allowed) {}

    /// Whether the page that sends `x` may have a cookie set: another site's could sign its visitor in as
    /// somebody else. errc::forbidden.
    [[nodiscard]] result<> may_set(const http::exchange& x) const;

    /// Sets the cookie with the answer to `x`, whatever that will be.
    void set(http::exchange& x, std::string_view token, std::chrono::seconds lifetime) const;

    /// The token that came as a cookie; nullopt: none did. errc::unauthenticated for several, errc::forbidden
    /// for a write that another site's page may have sent.
    [[nodiscard]] result<std::optional<std::string_view>> token(http::exchange& x) const;

private:
    [[nodiscard]] bool secure(const http::exchange& x) const { return always_secure_ || x.origin().secure; }

    const bool always_secure_;
    const http::cors_policy& allowed_;
};

}  // namespace bulkhead::auth
