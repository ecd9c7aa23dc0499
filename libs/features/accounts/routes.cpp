// SPDX-License-Identifier: Apache-2.0
#include "features/accounts/routes.hpp"

#include "auth/password_policy.hpp"
#include "auth/passwords.hpp"
#include "auth/session_cookies.hpp"
#include "auth/user_context.hpp"
#include "features/accounts/repository.hpp"
#include "http/endpoint.hpp"

namespace bulkhead::accounts {
namespace {

opened_session open_session(const tenancy::tenant_context& tenant, user who, transport wanted) {
    auto& tokens = tenant.request().service<auth::access_tokens>();
    const auth::access_subject subject{.subject = who.id,
                                       .tenant = tenant.info().id,
                                       .key_version = tenant.info().key_version,
                                       .session = uuid::generate(),
                                       .role = who.role};
    auto token = tokens.issue(subject, utc_now());
    const auto lifetime = std::chrono::duration_cast<std::chrono::seconds>(tokens.lifetime());
    if (wanted == transport::body)
        return session{
            .user = std::move(who), .access_token = std::move(token), .expires_in = lifetime.count()};
    tenant.request().service<auth::session_cookies>().set(tenant.request(), token, lifetime);
    return cookie_session{.user = std::move(who), .expires_in = lifetime.count()};
}

result<> check_transport(const tenancy::tenant_context& tenant, transport wanted) {
    if (wanted == transport::body) return {};
    return tenant.request().service<auth::session_cookies>().may_set(tenant.request());
}

constexpr std::string_view about_transport =
    "With \"transport\":\"cookie\" the token comes as an HttpOnly cookie only, and the answer is without it.";

// POST /api/auth/signup
awaitable<result<http::created<opened_session>>> sign_up(tenancy::tenant_context& tenant,
                                                         http::body<signup_input> input) {
    auto& in = input.value;
    if (auto allowed = check_transport(tenant, *in.transport); !allowed)
        co_return std::unexpected(std::move(allowed.error()));
    if (auto wrong = auth::check_password(in.password.value().reveal(), in.email.str(), tenant.info().name)) {
        error refused{.code = errc::validation_failed};
        refused.fields.push_back(std::move(*wrong));
        co_return std::unexpected(std::move(refused));
    }
    auto hash = co_await tenant.request().service<auth::passwords>().hash(in.password.value(),
                                                                          tenant.request().deadline());
    if (!hash) co_return std::unexpected(std::move(hash.error()));
    auto added = co_await repository(tenant).add(in.email.str(), in.name.str(), std::move(*hash));
    if (!added) co_return std::unexpected(std::move(added.error()));
    tenant.request().log().info("user signed up", {{"user", added->id.to_string()}});
    co_return http::created<opened_session>{.value = open_session(tenant, std::move(*added), *in.transport),
                                            .location = "/api/auth/me"};
}

/// The answer is the same for an unknown address and a wrong password, and so is the work behind it.
awaitable<result<user>> authenticate(const tenancy::tenant_context& tenant, const login_input& in) {
    const repository users(tenant);
    const auto limit = tenant.request().deadline();
    auto& passwords = tenant.request().service<auth::passwords>();
    const auto found = co_await users.find_by_email(in.email.str());
    if (!found) co_return std::unexpected(found.error());
    std::optional<std::string> stored;
    if (*found) stored = (*found)->password_hash;
    const auto verdict = co_await passwords.verify(in.password.value(), stored, limit);
    if (!verdict) co_return std::unexpected(verdict.error());
    if (!verdict->matches || (*found)->disabled) co_return fail(errc::invalid_credentials);
    std::optional<std::string> fresh_hash;
    if (verdict->outdated) {
        auto hash = co_await passwords.hash(in.password.value(), limit);
        if (hash) fresh_hash = std::move(*hash);  // else the next login tries again
    }
    if (auto noted = co_await users.record_login((*found)->user.id, *stored, fresh_hash); !noted)
        co_return std::unexpected(noted.error());
    co_return (*found)->user;
}

// POST /api/auth/login
awaitable<result<opened_session>> log_in(tenancy::tenant_context& tenant, http::body<login_input> input) {
    const auto wanted = *input.value.transport;
    if (auto allowed = check_transport(tenant, wanted); !allowed)
        co_return std::unexpected(std::move(allowed.error()));
    auto who = co_await authenticate(tenant, input.value);
    if (!who) {
        if (who.error().code == errc::invalid_credentials) tenant.request().log().warn("login refused");
        co_return std::unexpected(std::move(who.error()));
    }
    co_return open_session(tenant, std::move(*who), wanted);
}

// GET /api/auth/me
awaitable<result<user>> me(auth::user_context& caller) {
    auto found = co_await repository(caller.tenant()).find(caller.id());
    if (!found) co_return std::unexpected(std::move(found.error()));
    if (!*found || (*found)->disabled) co_return fail(errc::unauthenticated, "this account is closed");
    co_return (*found)->user;
}

}  // namespace

void mount(http::router& routes) {
    routes.post<sign_up>("/api/auth/signup",
                         {.id = "signUp",
                          .summary = "Make an account in the tenant and sign in",
                          .tag = "auth",
                          .description = about_transport,
                          .failures = {errc::email_taken, errc::quota_exceeded, errc::forbidden},
                          .rate = http::rate_class::auth,
                          .compress = false});
    routes.post<log_in>("/api/auth/login", {.id = "logIn",
                                            .summary = "Sign in with e-mail and password",
                                            .tag = "auth",
                                            .description = about_transport,
                                            .failures = {errc::invalid_credentials, errc::forbidden},
                                            .rate = http::rate_class::auth,
                                            .compress = false,
                                            .needs_room = false});
    routes.get<me>("/api/auth/me", {.id = "getMe", .summary = "The signed-in user", .tag = "auth"});
}

}  // namespace bulkhead::accounts
