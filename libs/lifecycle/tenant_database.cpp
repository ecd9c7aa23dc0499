// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/tenant_database.hpp"

#include <fmt/format.h>

#include <thread>

#include "lifecycle/site.hpp"
#include "lifecycle/template_database.hpp"
#include "observability/log.hpp"

namespace bulkhead::lifecycle {
namespace {

using namespace std::chrono_literals;
using postgres::quote_identifier;

constexpr std::string_view duplicate_database = "42P04";
constexpr std::string_view unique_violation = "23505";  // two at once
constexpr std::string_view object_in_use = "55006";     // a session that has not ended yet
constexpr auto ending_takes = 10s;

result<void> end_sessions_in(postgres::session& server, std::string_view name) {
    // Without being superuser we may not touch a superuser's session, nor one of the server itself;
    // autovacuum makes way for whoever renames or drops.
    const auto ended = run(server,
                           "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and "
                           "backend_type = 'client backend' and pg_has_role(usesysid, 'usage')",
                           {name});
    if (!ended) return std::unexpected(ended.error());
    return {};
}

/// Ended sessions take a moment to go. One that was just beginning when the database was closed appears late,
/// hence they are ended before each try.
result<void> run_when_unused(postgres::session& server, std::string_view name, const std::string& sql) {
    const auto until = std::chrono::steady_clock::now() + ending_takes;
    for (;;) {
        if (auto ended = end_sessions_in(server, name); !ended) return ended;
        const auto done = server.run(sql);
        if (done) return {};
        if (server.last_sqlstate() != object_in_use || std::chrono::steady_clock::now() > until) {
            log::error("a database cannot be renamed or dropped", {{"reason", server.last_message()}});
            return std::unexpected(done.error());
        }
        std::this_thread::sleep_for(20ms);
    }
}

result<void> rename_database(postgres::session& server, std::string_view from, std::string_view to) {
    return run_when_unused(
        server, from,
        fmt::format("alter database {} rename to {}", quote_identifier(from), quote_identifier(to)));
}

}  // namespace

result<bool> database_exists(postgres::session& server, std::string_view name) {
    const auto found = run(server, "select 1 from pg_database where datname = $1", {name});
    if (!found) return std::unexpected(found.error());
    return !found->empty();
}

result<void> create_database(postgres::session& server, std::string_view name, std::string_view source,
                             const credentials& of) {
    const auto exists = database_exists(server, name);
    if (!exists) return std::unexpected(exists.error());
    if (*exists) return {};
    // WAL_LOG because FILE_COPY forces two checkpoints.
    const auto sql =
        fmt::format("create database {} owner {} template {} strategy wal_log allow_connections false",
                    quote_identifier(name), quote_identifier(of.owner_role), quote_identifier(source));
    const auto made = server.run(sql);
    if (made || server.last_sqlstate() == duplicate_database || server.last_sqlstate() == unique_violation)
        return {};
    log::error("creating a database failed", {{"reason", server.last_message()}});
    return std::unexpected(made.error());
}

result<void> open_database(postgres::session& server, std::string_view name, const credentials& of) {
    const auto database = quote_identifier(name), role = quote_identifier(of.role);
    // The time limits are last resorts against a client that hangs; the application sets its own, shorter
    // ones.
    return run_script(
        server,
        fmt::format("revoke connect, temporary on database {0} from public;"
                    "grant connect on database {0} to {1};"
                    "alter role {1} in database {0} set statement_timeout = '60s';"
                    "alter role {1} in database {0} set idle_in_transaction_session_timeout = '60s';"
                    "alter role {2} in database {0} set idle_in_transaction_session_timeout = '10min';"
                    "alter database {0} allow_connections true",
                    database, role, quote_identifier(of.owner_role)));
}

result<void> hand_over(postgres::session& database, const credentials& of) {
    const auto before = run(database,
                            "select pg_get_userbyid(relowner) from pg_class "
                            "where oid = 'public.schema_migrations'::regclass");
    if (!before) return std::unexpected(before.error());
    // It was done before, unless that is the role of the template it came from. Nobody else's things go
    // along: REASSIGN takes databases, too.
    if (is_template_owner(before->text(0, 0))) {
        auto owned = run_script(
            database, fmt::format("reassign owned by {} to {}", quote_identifier(before->text(0, 0)),
                                  quote_identifier(of.owner_role)));
        if (!owned) return owned;
    }
    if (auto become = run_script(database, fmt::format("set role {}", quote_identifier(of.owner_role)));
        !become)
        return become;
    return grant_application(database, of.role);
}

result<void> grant_application(postgres::session& database, std::string_view role) {
    return run_script(
        database,
        fmt::format(
            "grant usage on schema public to {0};"
            "grant select, insert, update, delete on all tables in schema public to {0};"
            "grant usage, select on all sequences in schema public to {0};"
            "alter default privileges in schema public grant select, insert, update, delete on tables to {0};"
            "alter default privileges in schema public grant usage, select on sequences to {0};"
            "revoke insert, update, delete on schema_migrations from {0}",
            quote_identifier(role)));
}

result<void> drop_database(postgres::session& server, std::string_view name) {
    const auto exists = database_exists(server, name);
    if (!exists) return std::unexpected(exists.error());
    if (!*exists) return {};
    // WITH (FORCE) would be refused because of any session that we may not end, autovacuum's too. One whose
    // drop was interrupted cannot be altered any more, but still be dropped.
    (void)admit_sessions(server, name, false);
    return run_when_unused(server, name, fmt::format("drop database if exists {}", quote_identifier(name)));
}

result<void> put_away(postgres::session& server, std::string_view name, std::string_view new_name) {
    const auto exists = database_exists(server, name);
    if (!exists) return std::unexpected(exists.error());
    if (!*exists) return {};
    if (auto closed = admit_sessions(server, name, false); !closed) return closed;
    return rename_database(server, name, new_name);
}

result<void> bring_back(postgres::session& server, std::string_view name, std::string_view old_name) {
    const auto exists = database_exists(server, name);
    if (!exists) return std::unexpected(exists.error());
    if (*exists)
        if (auto renamed = rename_database(server, name, old_name); !renamed) return renamed;
    return admit_sessions(server, old_name, true);
}

result<void> admit_sessions(postgres::session& server, std::string_view name, bool admit) {
    return run_script(server,
                      fmt::format("alter database {} allow_connections {}", quote_identifier(name), admit));
}

std::string deleted_database_name(const uuid& tenant) { return "bulkhead_deleted_" + tenant.to_compact(); }

}  // namespace bulkhead::lifecycle
