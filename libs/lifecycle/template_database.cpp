// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/template_database.hpp"

#include <fmt/format.h>

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "lifecycle/locks.hpp"
#include "lifecycle/tenant_database.hpp"
#include "observability/log.hpp"
#include "persistence/migrations/engine.hpp"

namespace bulkhead::lifecycle {
namespace {

using postgres::quote_identifier;

std::string short_hash(std::string_view text) { return to_hex(sha256(text).view().substr(0, 5)); }

/// That nobody may connect says that it is finished.
result<bool> is_ready(postgres::session& server, std::string_view name) {
    const auto found =
        run(server, "select 1 from pg_database where datname = $1 and not datallowconn", {name});
    if (!found) return std::unexpected(found.error());
    return !found->empty();
}

result<void> migrate(postgres::session& database, const site& at) {
    const auto owner = template_owner(at);
    // The owner of the database, which we are, lets the owner of the schema in for as long as it takes.
    auto in = run_script(database, fmt::format("revoke create on schema public from public;"
                                               "grant create, usage on schema public to {0}; set role {0}",
                                               owner));
    if (!in) return in;
    const auto done = migrations::apply(database, at.schema());
    if (!done) {
        log::error("the template database cannot be migrated", {{"reason", done.error().message}});
        return fail(errc::internal);
    }
    return run_script(database,
                      fmt::format("reset role; revoke create, usage on schema public from {}", owner));
}

result<void> make(site& at, std::string_view server_name, postgres::session& server,
                  const std::string& name) {
    const auto role = run_script(
        server,
        fmt::format(
            "do $$ begin create role {0} nologin; exception when duplicate_object or unique_violation "
            "then null; end $$; grant {0} to current_user",
            template_owner(at)));
    if (!role) return role;
    if (auto gone = drop_database(server, name); !gone) return gone;
    const auto quoted = quote_identifier(name);
    // template0 holds nothing local.
    if (auto made =
            run_script(server, fmt::format("create database {} template template0 encoding 'UTF8'", quoted));
        !made)
        return made;
    if (auto closed =
            run_script(server, fmt::format("revoke connect, temporary on database {} from public", quoted));
        !closed)
        return closed;
    {
        const auto login = at.admin_conninfo(server_name, name);
        if (!login) return std::unexpected(login.error());
        auto database = connect(*login);
        if (!database) return std::unexpected(std::move(database.error()));
        if (auto migrated = migrate(*database, at); !migrated) return migrated;
    }
    return run_script(server, fmt::format("alter database {} allow_connections false", quoted));
}

/// What older builds left. One that is being copied right now stays, and so does a newer build's: during a
/// rollout the two must not drop each other's in turn.
void drop_older(const site& at, postgres::session& server, const std::string& current) {
    const auto older =
        run(server,
            "select datname from pg_database where starts_with(datname, $1) and datname < $2 collate \"C\"",
            {template_prefix(at), current});
    if (!older) return;
    for (std::size_t i = 0; i < older->size(); ++i)
        (void)server.run(fmt::format("drop database if exists {}", quote_identifier(older->text(i, 0))));
}

}  // namespace

std::string template_prefix(const site& at) {
    return fmt::format("bulkhead_template_{}_", short_hash(at.control_info().dbname));
}

std::string template_owner(const site& at) {
    auto name = template_prefix(at);
    name.pop_back();
    return name;
}

bool is_template_owner(std::string_view role) noexcept { return role.starts_with("bulkhead_template"); }

std::string template_name(const site& at) {
    std::string all;
    for (const auto& one : at.schema().migrations) all += one.checksum;
    return fmt::format("{}{:06}_{}", template_prefix(at), at.schema().head(), short_hash(all));
}

result<std::string> ensure_template(site& at, std::string_view server_name) {
    const auto server = at.server(server_name);
    if (!server) return std::unexpected(server.error());
    auto name = template_name(at);
    auto ready = is_ready(**server, name);
    if (!ready) return std::unexpected(std::move(ready.error()));
    if (*ready) return name;
    const auto lock = lock_by_name(at, fmt::format("template/{}", server_name), std::chrono::seconds(60));
    if (!lock && lock.error().code == errc::conflict) return fail(errc::unavailable);  // it takes its time
    if (!lock) return std::unexpected(lock.error());
    ready = is_ready(**server, name);
    if (!ready) return std::unexpected(std::move(ready.error()));
    if (*ready) return name;
    if (auto made = make(at, server_name, **server, name); !made)
        return std::unexpected(std::move(made.error()));
    drop_older(at, **server, name);
    return name;
}

}  // namespace bulkhead::lifecycle
