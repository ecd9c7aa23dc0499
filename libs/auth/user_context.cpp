// SPDX-License-Identifier: Apache-2.0
#include "auth/user_context.hpp"

#include "auth/session_cookies.hpp"
#include "base/text.hpp"
#include "http/cross_origin.hpp"
#include "tenancy/directory.hpp"
#include "tenancy/idempotency.hpp"

namespace bulkhead::auth {
namespace {

constexpr std::string_view scheme = "Bearer ";

std::unexpected<error> not_signed_in(std::string detail) {
    return fail(errc::unauthenticated, std::move(detail));
}

constexpr std::string_view how_to_sign_in = "send Authorization: Bearer <access_token>";

}  // namespace

result<std::string_view> bearer_token(const http::request_head& head) {
    constexpr std::string_view name = "Authorization";
    if (head.count(name) > 1) return not_signed_in("send one Authorization header");
    const auto found = head.find(name);
    if (!found || found->size() <= scheme.size() || !iequals(found->substr(0, scheme.size()), scheme))
        return not_signed_in(std::string(how_to_sign_in));
    return trim(found->substr(scheme.size()));
}

result<std::string_view> user_token(http::exchange& x) {
    if (x.head().find("Authorization")) return bearer_token(x.head());
    const auto sent = x.service<session_cookies>().token(x);
    if (!sent) return std::unexpected(sent.error());
    if (!*sent) return not_signed_in(std::string(how_to_sign_in));
    return **sent;
}

}  // namespace bulkhead::auth

namespace bulkhead::http {

awaitable<result<auth::user_context>> context<auth::user_context>::make(exchange& x) {
    const auto token = auth::user_token(x);
    if (!token) co_return std::unexpected(token.error());
    auto& tokens = x.service<auth::access_tokens>();
    const auto claimed = tokens.tenant_of(*token);
    if (!claimed) co_return std::unexpected(claimed.error());
    auto& directory = x.service<tenancy::directory>();
    const auto found = co_await directory.find(x, *claimed);
    // A token of a tenant that is gone is just another token that proves nothing.
    if (!found && found.error().code == errc::tenant_unknown)
        co_return auth::not_signed_in("the access token is not valid");
    if (!found) co_return std::unexpected(found.error());
    auto claims = tokens.verify(*token, {*claimed, (*found)->key_version}, utc_now());
    if (!claims) co_return std::unexpected(std::move(claims.error()));
    x.set_user(claims->subject.to_string());
    auto tenant = co_await directory.enter(x, *found, claims->subject);
    if (!tenant) co_return std::unexpected(std::move(tenant.error()));
    if (claims->role == auth::role::viewer && !is_safe(x.head().method))
        co_return fail(errc::forbidden, "a viewer may read only");
    co_return auth::user_context(std::move(*tenant), std::move(*claims));
}

awaitable<response> context<auth::user_context>::enclose(exchange& x, auth::user_context& made,
                                                         served_by<auth::user_context> handler) {
    return tenancy::enclose(x, made.tenant_, made.id(), made, handler);
}

void context<auth::user_context>::document(operation& op) {
    for (auto code : {errc::unauthenticated, errc::forbidden, errc::tenant_mismatch, errc::tenant_suspended,
                      errc::quota_exceeded, errc::too_many_requests})
        op.fails(code);
}

awaitable<result<auth::admin_context>> context<auth::admin_context>::make(exchange& x) {
    auto user = co_await context<auth::user_context>::make(x);
    if (!user) co_return std::unexpected(std::move(user.error()));
    if (!user->administers())
        co_return fail(errc::forbidden, "only owners and administrators of the tenant may do this");
    co_return auth::admin_context(*std::move(user));
}

awaitable<response> context<auth::admin_context>::enclose(exchange& x, auth::admin_context& made,
                                                          served_by<auth::admin_context> handler) {
    return tenancy::enclose(x, made.tenant_, made.id(), made, handler);
}

void context<auth::admin_context>::document(operation& op) { context<auth::user_context>::document(op); }

}  // namespace bulkhead::http
