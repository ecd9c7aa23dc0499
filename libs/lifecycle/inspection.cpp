// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/inspection.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "lifecycle/dump_programs.hpp"
#include "lifecycle/inventory.hpp"
#include "lifecycle/keys.hpp"
#include "lifecycle/operation.hpp"
#include "lifecycle/role_passwords.hpp"
#include "lifecycle/saga.hpp"
#include "lifecycle/servers.hpp"
#include "lifecycle/template_database.hpp"

namespace bulkhead::lifecycle {
namespace {

constexpr std::int64_t oldest_server = 150'000;  // CREATE DATABASE ... STRATEGY
constexpr std::size_t most_named = 20;           // of one kind

class inspector {
public:
    inspector(site& at, inventory known, std::optional<unsigned> pool_max, const std::function<bool()>& stop)
        : at_(at), known_(std::move(known)), pool_max_(pool_max), stop_(stop) {}

    result<std::vector<finding>> run() {
        const auto servers = list_servers(at_);
        if (!servers) return std::unexpected(servers.error());
        if (auto done = keys(); !done) return std::unexpected(std::move(done.error()));
        if (auto done = work(); !done) return std::unexpected(std::move(done.error()));
        for (const auto& one : *servers) {
            if (stop_ && stop_()) break;
            server(one.address);
        }
        return std::move(found_);
    }

private:
    void problem(std::string about, std::string what, std::string advice) {
        found_.push_back({severity::problem, std::move(about), std::move(what), std::move(advice)});
    }
    void note(std::string about, std::string what, std::string advice) {
        found_.push_back({severity::note, std::move(about), std::move(what), std::move(advice)});
    }

    result<void> keys() {
        const auto found = inspect_keys(at_, most_named, stop_);
        if (!found) return std::unexpected(found.error());
        if (at_.box().key_ids().empty())
            note("DATA_KEY", "it is not set: stored passwords are not protected",
                 "set it to what keys generate prints, then run keys rotate");
        else if (found->previous > 0)
            note("DATA_KEY", fmt::format("{} values are not sealed with it yet", found->previous),
                 "run keys rotate");
        for (const auto& one : found->unopened)
            problem("DATA_KEY", fmt::format("no key opens {}", one),
                    "set DATA_KEY_PREVIOUS to the key it was sealed with; keys list tells its id");
        return {};
    }

    result<void> work() {
        const auto unfinished = quiet_operations(at_, std::chrono::milliseconds(0));
        if (!unfinished) return std::unexpected(unfinished.error());
        for (const auto& one : *unfinished) {
            const auto busy = is_worked_on(at_, one);
            if (!busy) return std::unexpected(busy.error());
            if (*busy) continue;
            problem("tenant " + one.slug,
                    fmt::format("{} since {} was left behind", kind_name(one.kind), one.created_at),
                    fmt::format("run tenant repair {}; the worker does it, too", one.slug));
        }
        return {};
    }

    void server(const tenancy::server_address& address) {
        const auto& name = address.name;
        const auto about = "server " + name;
        if (const auto way = way_in_the_clear(at_, address))
            problem(about, fmt::format("the way to {} is not encrypted for certain", *way),
                    address.sslmode.empty()
                        ? std::string("set DB_SSL_MODE to require, verify-ca or verify-full")
                        : fmt::format("UPDATE servers SET sslmode = 'verify-full' WHERE name = '{}' in the "
                                      "control database, then restart the programs",
                                      name));
        const auto session = at_.server(name);
        if (!session)
            return problem(about, "its administrator cannot log in; the log line above says why",
                           "correct the network, pg_hba.conf or the password there");
        if (auto done = server_itself(**session, about); !done) failed(about, **session);
        if (auto done = compare(**session, name); !done) failed(about, **session);
    }

    void failed(const std::string& about, const postgres::session& session) {
        problem(about, fmt::format("it cannot be inspected: {}", session.last_message()), "see its log");
    }

    result<void> server_itself(postgres::session& session, const std::string& about) {
        const auto facts = lifecycle::run(
            session,
            "select current_setting('server_version_num'), current_setting('server_version'), "
            "rolsuper or (rolcreatedb and rolcreaterole), current_setting('max_connections')::integer - "
            "current_setting('superuser_reserved_connections')::integer, "
            "(select count(*) from pg_stat_activity where backend_type = 'client backend'), rolname "
            "from pg_roles where rolname = current_user");
        if (!facts) return std::unexpected(facts.error());
        if (facts->integer(0, 0) < oldest_server)
            problem(about, fmt::format("it has PostgreSQL {}", facts->text(0, 1)), "use version 15 or newer");
        if (!facts->boolean(0, 2))
            problem(about, "the login may not make databases and roles",
                    fmt::format("ALTER ROLE {} CREATEDB CREATEROLE", facts->text(0, 5)));
        dump_programs_for(about, major_version(static_cast<int>(facts->integer(0, 0))));
        connections(about, facts->integer(0, 3), facts->integer(0, 4));
        const auto open = open_databases(session);
        if (!open) return std::unexpected(open.error());
        if (!open->empty())
            problem(about, fmt::format("every role, tenants' too, may connect to {}", fmt::join(*open, ", ")),
                    "REVOKE CONNECT, TEMPORARY ON DATABASE ... FROM PUBLIC, as their owner");
        return {};
    }

    void dump_programs_for(const std::string& about, int version) {
        if (find_dump_programs(version)) return;
        problem(
            about, fmt::format("pg_dump and pg_restore {} or newer are not installed here", version),
            fmt::format("install postgresql-client-{}: clone, export, import, move and the last archive of a "
                        "deleted tenant need them",
                        version));
    }

    void connections(const std::string& about, std::int64_t room, std::int64_t in_use) {
        constexpr std::int64_t kept_for_operators = 5;
        if (pool_max_ && *pool_max_ + kept_for_operators > room)
            problem(
                about,
                fmt::format("a process may open {} connections, but the server admits {}", *pool_max_, room),
                "lower DB_POOL_MAX or raise max_connections");
        if (in_use * 10 > room * 9)
            problem(about, fmt::format("{} of {} connections are in use", in_use, room),
                    "find out by whom, in pg_stat_activity; raise max_connections");
    }

    /// Those that nobody knows afterwards either: spares and tenants are made meanwhile.
    std::vector<std::pair<std::string, std::string>> strangers(const server_inventory& there,
                                                               const std::string& name) {
        auto out = known_.strangers(there, name);
        if (out.empty()) return out;
        const auto later = read_inventory(at_);
        if (!later) {
            problem("server " + name, "whom its databases belong to is unknown: " + later.error().detail,
                    "run doctor again");
            return {};
        }
        const auto still = later->strangers(there, name);
        std::erase_if(out, [&](const auto& one) { return std::ranges::find(still, one) == still.end(); });
        return out;
    }

    /// What is there against what should be.
    result<void> compare(postgres::session& session, const std::string& name) {
        const auto there = take_inventory(session);
        if (!there) return std::unexpected(there.error());
        const auto about = "server " + name;
        const auto ours = template_prefix(at_);
        const bool shared = there->has_templates_besides(ours);
        for (const auto& [kind, item] : strangers(*there, name)) {
            const auto what = fmt::format("no tenant has the {} {}", kind, item);
            const auto advice =
                fmt::format("if nobody needs it: DROP {} {}", kind == "role" ? "ROLE" : "DATABASE", item);
            if (shared)
                note(about, what + "; perhaps another installation that shares the server", advice);
            else
                problem(about, what, advice);
        }
        if (!there->databases.contains(template_name(at_)))
            note(about, "it has no template database for this version yet",
                 "nothing: the first new tenant takes a second longer");
        for (const auto& one : known_.tenants)
            if (one.row.server.name == name) tenant(one, *there);
        return {};
    }

    void tenant(const known_tenant& one, const server_inventory& there) {
        using enum tenancy::tenant_status;
        const auto& row = one.row;
        const auto about = "tenant " + row.slug;
        if (one.unfinished || row.status == provisioning || row.status == purging || (stop_ && stop_()))
            return;
        if (!there.databases.contains(row.database))
            return problem(about, fmt::format("its database {} is missing", row.database),
                           "restore it, or delete and purge the tenant");
        for (const auto& role : {row.role, row.owner_role}) {
            if (role.empty()) continue;
            const auto found = there.roles.find(role);
            if (found == there.roles.end())
                return problem(
                    about, fmt::format("its role {} is missing", role),
                    "create it with LOGIN and the rights of its name, then keys rotate --credentials");
            if (!found->second)
                problem(about, fmt::format("our login is no member of its role {}", role),
                        fmt::format("GRANT {} TO the login, as a superuser", role));
        }
        if (row.status == deleted) return;
        if (row.schema_version < at_.schema().head()) note(about, "migrations are pending", "run up");
        const auto fits = credentials_fit(at_, row);
        if (!fits)
            problem(about, "its database cannot be entered: " + fits.error().detail, "see the server's log");
        else if (!*fits)
            problem(about, "its roles do not accept the passwords that are stored",
                    fmt::format("run keys rotate --credentials --tenant {}", row.slug));
    }

    site& at_;
    const inventory known_;
    const std::optional<unsigned> pool_max_;
    const std::function<bool()>& stop_;
    std::vector<finding> found_;
};

}  // namespace

result<std::vector<finding>> inspect(site& at, std::optional<unsigned> pool_max,
                                     const std::function<bool()>& stop) {
    auto known = read_inventory(at);
    if (!known) return std::unexpected(std::move(known.error()));
    return inspector(at, *std::move(known), pool_max, stop).run();
}

}  // namespace bulkhead::lifecycle
