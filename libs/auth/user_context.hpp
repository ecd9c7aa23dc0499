// SPDX-License-Identifier: Apache-2.0
// A signed-in user within a tenant: the context of every handler that needs one. Made only from a verified
// access token; a handler with this first parameter cannot be reached without. Lives as long as its request.
#pragma once

#include <string_view>

#include "auth/access_token.hpp"
#include "tenancy/tenant_context.hpp"

namespace bulkhead::auth {

class user_context {
public:
    [[nodiscard]] const tenancy::tenant_context& tenant() const noexcept { return tenant_; }
    [[nodiscard]] const postgres::database& db() const noexcept { return tenant_.db(); }
    [[nodiscard]] const uuid& id() const noexcept { return claims_.subject; }
    [[nodiscard]] std::string_view role() const noexcept { return claims_.role; }

private:
    friend struct http::context<user_context>;
    user_context(tenancy::tenant_context within, access_claims claims)
        : tenant_(std::move(within)), claims_(std::move(claims)) {}

    tenancy::tenant_context tenant_;
    access_claims claims_;
};

/// The token of "Authorization: Bearer <token>"; errc::unauthenticated when there is none, or more than one.
result<std::string_view> bearer_token(const http::request_head& head);

/// The token of a request to a user's route: of the Authorization header, and only without one of the cookie.
/// Whoever sends the header means it, and no other site's page can; a cookie comes by itself.
/// errc::unauthenticated when there is none, errc::forbidden for a cookie that another site's page may have
/// sent. Service: session_cookies.
result<std::string_view> user_token(http::exchange& x);

}  // namespace bulkhead::auth

template <>
struct bulkhead::http::context<bulkhead::auth::user_context> {
    static constexpr access required = access::user;
    static awaitable<result<auth::user_context>> make(exchange& x);
    static void document(operation& op);
    /// A write with an Idempotency-Key takes effect once: see tenancy/idempotency.hpp.
    static awaitable<response> enclose(exchange& x, auth::user_context& made,
                                       served_by<auth::user_context> handler);
};
