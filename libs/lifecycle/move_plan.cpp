// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/move_plan.hpp"

#include <fmt/format.h>

#include <thread>

#include "lifecycle/dump.hpp"
#include "lifecycle/dump_target.hpp"
#include "lifecycle/new_database.hpp"
#include "lifecycle/tenant_database.hpp"
#include "lifecycle/transaction.hpp"
#include "observability/log.hpp"

namespace bulkhead::lifecycle {
namespace {

using namespace std::chrono_literals;
using tenancy::tenant;

constexpr auto last_requests_take = 500ms;

/// Every process has heard of the pause and closes its connections as their requests end.
result<void> wait_for_last_requests(postgres::session& server, const std::string& role) {
    const auto until = std::chrono::steady_clock::now() + last_requests_take;
    for (;;) {
        const auto left = run(server, "select 1 from pg_stat_activity where usename = $1 limit 1", {role});
        if (!left) return std::unexpected(left.error());
        if (left->empty() || std::chrono::steady_clock::now() > until) return {};
        std::this_thread::sleep_for(5ms);
    }
}

/// The tenant as it will be at the target.
result<postgres::conninfo> target_owner(site& at, const move_plan& plan) {
    auto login = at.admin_conninfo(plan.target_server, plan.target_database);
    if (!login) return login;
    auto password =
        at.box().open(plan.target.sealed_owner_password, tenancy::owner_password_context(plan.tenant));
    if (!password) return std::unexpected(std::move(password.error()));
    return login->with_login(plan.target_database, plan.target.owner_role, *std::move(password));
}

/// As administrator, since the owner is locked out, but with the owner's rights.
result<dump_source> source_login(site& at, const move_plan& plan) {
    auto login = at.admin_conninfo(plan.source_server, plan.source_database);
    if (!login) return std::unexpected(std::move(login.error()));
    return dump_source{.login = *std::move(login), .role = plan.source.owner_role};
}

/// What the pause interrupted; "" when it is not paused.
result<std::string> state_before(const site& at, const uuid& tenant) {
    const auto found = run(at.control(),
                           "select case status when 'maintenance' then coalesce(status_before, 'active') "
                           "else '' end from tenants where id = $1",
                           {tenant});
    if (!found) return std::unexpected(found.error());
    if (found->empty()) return fail(errc::not_found, "there is no such tenant");
    return std::string(found->text(0, 0));
}

/// An earlier attempt may have filled a part of it.
result<void> ensure_empty(postgres::session& server, const move_plan& plan, const postgres::conninfo& owner) {
    {
        auto database = connect(owner);
        if (!database) return std::unexpected(std::move(database.error()));
        const auto tables = run(*database, "select 1 from pg_tables where schemaname = 'public' limit 1");
        if (!tables) return std::unexpected(tables.error());
        if (tables->empty()) return {};
    }
    return make_empty_database(server, plan.target_database, plan.target);
}

result<void> remove_database_and_roles(site& at, const std::string& server_name, const std::string& database,
                                       const credentials& of) {
    const auto server = at.server(server_name);
    if (!server) return std::unexpected(server.error());
    if (auto gone = drop_database(**server, database); !gone) return gone;
    return drop_roles(**server, of);
}

}  // namespace

json::object move_plan::to_json() const {
    return {{"from",
             {{"server", source_server},
              {"database", source_database},
              {"role", source.role},
              {"owner_role", source.owner_role}}},
            {"to",
             {{"server", target_server},
              {"database", target_database},
              {"role", target.role},
              {"password", target.sealed_password},
              {"owner_role", target.owner_role},
              {"owner_password", target.sealed_owner_password}}},
            {"max_pause_ms", max_pause.count()}};
}

move_plan make_plan(const site& at, const tenant& one, std::string_view target_server,
                    std::chrono::milliseconds max_pause) {
    return {.tenant = one.id,
            .operation = {},
            .source_server = one.server.name,
            .source_database = one.database,
            .source = {.role = one.role,
                       .sealed_password = {},
                       .owner_role = one.owner_role,
                       .sealed_owner_password = {}},
            .target_server = std::string(target_server),
            .target_database = tenancy::database_name(one.id),
            .target = make_credentials(one.id, at.box()),
            .max_pause = max_pause};
}

result<move_plan> read_plan(const operation& record) {
    const auto* const from = record.input.if_contains("from");
    const auto* const to = record.input.if_contains("to");
    const auto* const pause = record.input.if_contains("max_pause_ms");
    if (!from || !from->is_object() || !to || !to->is_object() || !pause || !pause->is_int64())
        return fail(errc::internal, "the record does not say where to move the tenant");
    const auto text = [](const json::value& in, std::string_view member) {
        const auto* const found = in.as_object().if_contains(member);
        return found && found->is_string() ? std::string(found->as_string()) : std::string();
    };
    return move_plan{.tenant = record.tenant,
                     .operation = record.id,
                     .source_server = text(*from, "server"),
                     .source_database = text(*from, "database"),
                     .source = {.role = text(*from, "role"),
                                .sealed_password = {},
                                .owner_role = text(*from, "owner_role"),
                                .sealed_owner_password = {}},
                     .target_server = text(*to, "server"),
                     .target_database = text(*to, "database"),
                     .target = {.role = text(*to, "role"),
                                .sealed_password = text(*to, "password"),
                                .owner_role = text(*to, "owner_role"),
                                .sealed_owner_password = text(*to, "owner_password")},
                     .max_pause = std::chrono::milliseconds(pause->as_int64())};
}

result<where_it_is> find_where(const site& at, const move_plan& plan) {
    const auto one = load_tenant(at, plan.tenant);
    if (!one) return std::unexpected(one.error());
    if (one->server.name == plan.target_server) return where_it_is::target;
    return one->status == tenancy::tenant_status::maintenance ? where_it_is::under_way : where_it_is::source;
}

result<void> prepare_target(site& at, const move_plan& plan) {
    const auto server = at.server(plan.target_server);
    if (!server) return std::unexpected(server.error());
    if (auto made =
            create_roles(**server, plan.tenant, plan.target, at.box(), at.settings().connection_limit);
        !made)
        return made;
    return make_empty_database(**server, plan.target_database, plan.target);
}

result<void> begin_pause(site& at, const move_plan& plan) {
    transaction all(at.control());
    if (!all.begun()) return all.begun();
    const auto paused =
        run(at.control(),
            "update tenants set status_before = status, status = 'maintenance', updated_at = now() "
            "where id = $1 and status in ('active', 'suspended')",
            {plan.tenant});
    if (!paused) return std::unexpected(paused.error());
    if (paused->affected() == 0) {
        const auto before = state_before(at, plan.tenant);
        if (!before) return std::unexpected(before.error());
        return before->empty() ? fail(errc::conflict, "the tenant's state has changed") : result<void>{};
    }
    const auto noted = run(at.control(),
                           "update operations set input = jsonb_set(input, '{paused_at}', "
                           "to_jsonb(clock_timestamp())) where id = $1",
                           {plan.operation});
    if (!noted) return std::unexpected(noted.error());
    return all.commit();
}

result<void> lock_source(site& at, const move_plan& plan) {
    const auto server = at.server(plan.source_server);
    if (!server) return std::unexpected(server.error());
    if (auto quiet = wait_for_last_requests(**server, plan.source.role); !quiet) return quiet;
    for (const auto& role : {plan.source.role, plan.source.owner_role}) {
        if (role.empty()) continue;
        if (auto locked = lock_out(**server, role); !locked) return locked;
    }
    return {};
}

result<std::chrono::milliseconds> time_paused(const site& at, const move_plan& plan) {
    const auto found =
        run(at.control(),
            "select coalesce(extract(epoch from clock_timestamp() - "
            "(input->>'paused_at')::timestamptz) * 1000, 0)::bigint from operations where id = $1",
            {plan.operation});
    if (!found) return std::unexpected(found.error());
    if (found->empty()) return fail(errc::not_found);
    return std::chrono::milliseconds(found->integer(0, 0));
}

result<void> copy_to_target(site& at, const move_plan& plan, std::chrono::milliseconds longest,
                            const std::function<bool()>& stop) {
    const runtime::patience how_long{std::chrono::steady_clock::now() + longest, stop};
    const auto server = at.server(plan.target_server);
    if (!server) return std::unexpected(server.error());
    const auto owner = target_owner(at, plan);
    if (!owner) return std::unexpected(owner.error());
    if (auto empty = ensure_empty(**server, plan, *owner); !empty) return empty;
    const auto from = source_login(at, plan);
    if (!from) return std::unexpected(from.error());
    const auto copied = copy_database(*from, *owner, dump_contents::everything, how_long);
    if (!copied) return std::unexpected(copied.error());
    auto database = connect(*owner);
    if (!database) return std::unexpected(std::move(database.error()));
    if (auto granted = grant_application(*database, plan.target.role); !granted) return granted;
    const auto before = state_before(at, plan.tenant);
    if (!before) return std::unexpected(before.error());
    return allow_login(**server, plan.target.role, *before == "active");
}

result<void> move_row(site& at, const move_plan& plan) {
    const auto paused = time_paused(at, plan);
    if (!paused) return std::unexpected(paused.error());
    transaction all(at.control());
    if (!all.begun()) return all.begun();
    const auto moved = run(
        at.control(),
        "update tenants t set server_id = s.id, database = $4, role_name = $5, role_password_sealed = $6, "
        "owner_role = $7, owner_password_sealed = $8, status = coalesce(status_before, 'active'), "
        "status_before = null, updated_at = now() from servers s, servers f "
        "where t.id = $1 and s.name = $2 and f.name = $3 and t.server_id = f.id and "
        "t.status = 'maintenance' returning t.slug",
        {plan.tenant, plan.target_server, plan.source_server, plan.target_database, plan.target.role,
         plan.target.sealed_password, plan.target.owner_role, plan.target.sealed_owner_password});
    if (!moved) return std::unexpected(moved.error());
    if (moved->empty()) return fail(errc::conflict, "the tenant's state has changed");
    const auto forgotten =
        run(at.control(),
            "update operations set input = input #- '{to,password}' #- '{to,owner_password}' "
            "where id = $1",
            {plan.operation});
    if (!forgotten) return std::unexpected(forgotten.error());
    if (auto noted =
            audit(at, "tenant.moved", plan.tenant, moved->text(0, 0),
                  {{"from", plan.source_server}, {"to", plan.target_server}, {"paused_ms", paused->count()}});
        !noted)
        return noted;
    return all.commit();
}

result<void> refresh_statistics(site& at, const move_plan& plan) {
    auto database = connect_as_owner(at, plan.tenant);
    if (database && analyze_tables(*database)) return {};
    log::warn("a moved tenant's statistics are left to the server",
              {{"tenant", plan.tenant.to_string()}, {"server", plan.target_server}});
    return {};
}

result<void> remove_source(site& at, const move_plan& plan) {
    return remove_database_and_roles(at, plan.source_server, plan.source_database, plan.source);
}

result<void> go_on_at_source(site& at, const move_plan& plan) {
    const auto before = state_before(at, plan.tenant);
    if (!before) return std::unexpected(before.error());
    if (before->empty()) return {};
    const auto server = at.server(plan.source_server);
    if (!server) return std::unexpected(server.error());
    if (!plan.source.owner_role.empty())
        if (auto open = allow_login(**server, plan.source.owner_role, true); !open) return open;
    if (auto open = allow_login(**server, plan.source.role, *before == "active"); !open) return open;
    const auto done =
        run(at.control(),
            "update tenants set status = coalesce(status_before, 'active'), status_before = null, "
            "updated_at = now() where id = $1 and status = 'maintenance'",
            {plan.tenant});
    if (!done) return std::unexpected(done.error());
    return {};
}

result<void> remove_target(site& at, const move_plan& plan) {
    return remove_database_and_roles(at, plan.target_server, plan.target_database, plan.target);
}

}  // namespace bulkhead::lifecycle
