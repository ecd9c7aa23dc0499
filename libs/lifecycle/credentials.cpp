// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/credentials.hpp"

#include <fmt/format.h>

#include <thread>

#include "base/random.hpp"
#include "lifecycle/site.hpp"
#include "observability/log.hpp"
#include "persistence/postgres/scram.hpp"
#include "tenancy/tenant.hpp"

namespace bulkhead::lifecycle {
namespace {

using namespace std::chrono_literals;
using postgres::quote_identifier;
using postgres::quote_literal;

constexpr std::string_view duplicate_object = "42710";
constexpr auto ending_takes = 5s;

/// Computed here, so that neither the server nor its log ever sees the password.
result<std::string> make_verifier(const secret& password) {
    constexpr unsigned rounds = 1;  // what cannot be guessed needs no slowing down, and logins are frequent
    return postgres::scram_verifier(password.reveal(), rounds);
}

/// It inherits: the owner's rights on the schema `public` are those of pg_database_owner.
result<void> create_role(postgres::session& server, std::string_view name, const secret& password,
                         int limit) {
    const auto verifier = make_verifier(password);
    if (!verifier) return std::unexpected(verifier.error());
    const auto role = quote_identifier(name);
    const auto login = fmt::format("login connection limit {} password {}", limit, quote_literal(*verifier));
    const auto made = server.run(fmt::format(
        "create role {} nosuperuser nocreatedb nocreaterole inherit noreplication {}", role, login));
    if (made) return {};
    if (server.last_sqlstate() != duplicate_object) {
        log::error("creating a role failed", {{"reason", server.last_message()}});
        return std::unexpected(made.error());
    }
    return run_script(server, fmt::format("alter role {} {}", role, login));
}

}  // namespace

credentials make_credentials(const uuid& tenant, const sealed_box& box) {
    return {.role = tenancy::database_name(tenant),
            .sealed_password = box.seal(random_token(), tenant.to_string()),
            .owner_role = tenancy::owner_role_name(tenant),
            .sealed_owner_password = box.seal(random_token(), tenancy::owner_password_context(tenant))};
}

result<void> create_roles(postgres::session& server, const uuid& tenant, const credentials& of,
                          const sealed_box& box, int limit) {
    const auto password = box.open(of.sealed_password, tenant.to_string());
    if (!password) return std::unexpected(password.error());
    const auto owner_password = box.open(of.sealed_owner_password, tenancy::owner_password_context(tenant));
    if (!owner_password) return std::unexpected(owner_password.error());
    constexpr int owner_connections = 10;  // migrations and copies, never requests
    if (auto made = create_role(server, of.owner_role, *owner_password, owner_connections); !made)
        return made;
    if (auto made = create_role(server, of.role, *password, limit); !made) return made;
    // To make a database for the owner, to act in it, and to end their sessions, we must be members of both.
    return run_script(server, fmt::format("grant {}, {} to current_user", quote_identifier(of.owner_role),
                                          quote_identifier(of.role)));
}

result<void> set_password(postgres::session& server, std::string_view role, const secret& password) {
    const auto verifier = make_verifier(password);
    if (!verifier) return std::unexpected(verifier.error());
    return run_script(
        server, fmt::format("alter role {} password {}", quote_identifier(role), quote_literal(*verifier)));
}

result<void> drop_roles(postgres::session& server, const credentials& of) {
    for (const auto& name : {of.role, of.owner_role}) {
        if (name.empty()) continue;
        // Who may not drop roles is refused even when there is none.
        const auto there = run(server, "select 1 from pg_roles where rolname = $1", {name});
        if (!there) return std::unexpected(there.error());
        if (there->empty()) continue;
        const auto gone = run_script(server, fmt::format("drop role if exists {}", quote_identifier(name)));
        if (!gone) return gone;
    }
    return {};
}

result<void> allow_login(postgres::session& server, std::string_view role, bool allow) {
    return run_script(server,
                      fmt::format("alter role {} {}", quote_identifier(role), allow ? "login" : "nologin"));
}

result<void> end_sessions(postgres::session& server, std::string_view role) {
    const auto until = std::chrono::steady_clock::now() + ending_takes;
    for (;;) {
        const auto left =
            run(server, "select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", {role});
        if (!left) return std::unexpected(left.error());
        if (left->empty()) return {};
        if (std::chrono::steady_clock::now() > until)
            return fail(errc::unavailable, "sessions of the tenant do not end");
        std::this_thread::sleep_for(5ms);
    }
}

result<void> lock_out(postgres::session& server, std::string_view role) {
    if (auto locked = allow_login(server, role, false); !locked) return locked;
    return end_sessions(server, role);
}

}  // namespace bulkhead::lifecycle
