// SPDX-License-Identifier: Apache-2.0
// A signed-in user within a tenant, and one who administers it: the contexts of the handlers that need one.
// Made only from a verified access token; a handler with this first parameter cannot be reached without. They
// live as long as their request.
#pragma once

#include <string_view>

#include "auth/access_token.hpp"
#include "tenancy/tenant_context.hpp"

namespace bulkhead::auth {

class admin_context;

class user_context {
public:
    [[nodiscard]] const tenancy::tenant_context& tenant() const noexcept { return tenant_; }
    [[nodiscard]] const postgres::database& db() const noexcept { return tenant_.db(); }
    [[nodiscard]] const uuid& id() const noexcept { return claims_.subject; }
    [[nodiscard]] auth::role role() const noexcept { return claims_.role; }
    /// Owners and administrators.
    [[nodiscard]] bool administers() const noexcept { return auth::administers(role()); }

private:
    friend struct http::context<user_context>;
    friend struct http::context<admin_context>;
    user_context(tenancy::tenant_context within, access_claims claims)
        : tenant_(std::move(within)), claims_(std::move(claims)) {}

    tenancy::tenant_context tenant_;
    access_claims claims_;
};

/// A user who administers the tenant; errc::forbidden for anybody else, before the rest of the request is
/// read.
class admin_context : public user_context {
    friend struct http::context<admin_context>;
    explicit admin_context(user_context user) : user_context(std::move(user)) {}
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

template <>
struct bulkhead::http::context<bulkhead::auth::admin_context> {
    static constexpr access required = access::user;
    static awaitable<result<auth::admin_context>> make(exchange& x);
    static void document(operation& op);
    static awaitable<response> enclose(exchange& x, auth::admin_context& made,
                                       served_by<auth::admin_context> handler);
};
