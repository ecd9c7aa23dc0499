// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/dump_target.hpp"

#include <fmt/format.h>

#include "lifecycle/dump.hpp"
#include "lifecycle/new_database.hpp"
#include "lifecycle/tenant_database.hpp"
#include "lifecycle/transaction.hpp"
#include "observability/log.hpp"
#include "persistence/migrations/engine.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::lifecycle {
namespace {

using postgres::quote_identifier;

result<void> make_roles(site& at, const uuid& tenant) {
    const auto one = load_tenant(at, tenant);
    if (!one) return std::unexpected(one.error());
    const auto server = at.server(one->server.name);
    if (!server) return std::unexpected(server.error());
    return create_roles(**server, tenant, credentials_of(*one), at.box(), at.settings().connection_limit);
}

result<void> restore(site& at, const uuid& tenant, const fill_database& fill) {
    const auto one = load_tenant(at, tenant);
    if (!one) return std::unexpected(one.error());
    const auto server = at.server(one->server.name);
    if (!server) return std::unexpected(server.error());
    // Also when an earlier attempt has filled a part of it.
    if (auto made = make_empty_database(**server, one->database, credentials_of(*one)); !made) return made;
    const auto into = tenancy::owner_conninfo(at.control_info(), *one, at.box());
    if (!into) return std::unexpected(into.error());
    return fill(*into);
}

result<void> migrate(site& at, const uuid& tenant) {
    auto database = connect_as_owner(at, tenant);
    if (!database) return std::unexpected(std::move(database.error()));
    const auto done = migrations::apply(*database, at.schema(), {.stop = at.stop});
    if (done) return tenancy::save_schema_version(at.control(), tenant, done->to);
    log::error("copied data cannot be brought to the newest schema", {{"reason", done.error().message}});
    if (done.error().kind == migrations::failure_kind::mismatch)
        return fail(errc::conflict, "the schema of the data is not one of this program's");
    const bool may_pass = done.error().kind != migrations::failure_kind::failed || !database->is_open();
    return fail(may_pass ? errc::unavailable : errc::internal);
}

result<void> open_to_application(site& at, const uuid& tenant) {
    const auto one = load_tenant(at, tenant);
    if (!one) return std::unexpected(one.error());
    auto database = connect_as_owner(at, tenant);
    if (!database) return std::unexpected(std::move(database.error()));
    if (auto granted = grant_application(*database, one->role); !granted) return granted;
    return analyze_tables(*database);
}

}  // namespace

result<operation> begin_filled_tenant(site& at, operation_kind kind, const new_tenant& wanted,
                                      const json::object& input) {
    if (wanted.owner) return fail_field("/owner", "not_allowed", "the users come with the data");
    if (auto valid = check(wanted); !valid) return std::unexpected(std::move(valid.error()));
    const auto id = uuid::generate();
    const auto server = choose_server(at, wanted.server);
    if (!server) return std::unexpected(server.error());
    transaction all(at.control());
    if (!all.begun()) return std::unexpected(all.begun().error());
    if (auto done = insert_tenant(at, id, wanted, *server, make_credentials(id, at.box())); !done)
        return std::unexpected(std::move(done.error()));
    auto begun = begin_operation(at, kind, id, wanted.slug, input);
    if (!begun) return begun;
    if (auto noted = audit(at, fmt::format("tenant.{}", kind_name(kind)), id, wanted.slug, input); !noted)
        return std::unexpected(std::move(noted.error()));
    if (auto done = all.commit(); !done) return std::unexpected(std::move(done.error()));
    return begun;
}

result<void> make_empty_database(postgres::session& server, std::string_view name, const credentials& of) {
    if (auto gone = drop_database(server, name); !gone) return gone;
    // Like templates, which are not copied here because the data bring a schema of their own.
    const auto made =
        run_script(server, fmt::format("create database {} owner {} template template0 encoding 'UTF8' "
                                       "allow_connections false",
                                       quote_identifier(name), quote_identifier(of.owner_role)));
    if (!made) return made;
    return open_database(server, name, of);
}

result<void> analyze_tables(postgres::session& database) {
    const auto tables = run(
        database,
        "select string_agg(format('%I.%I', schemaname, tablename), ', ') from pg_tables "
        "where schemaname !~ '^pg_' and schemaname <> 'information_schema' and tableowner = current_user");
    if (!tables) return std::unexpected(tables.error());
    if (tables->text(0, 0).empty()) return {};
    return run_script(database, fmt::format("analyze {}", tables->text(0, 0)));
}

std::vector<saga_step> filled_tenant_steps(site& at, const uuid& tenant, fill_database fill) {
    return {{"roles", [&at, tenant] { return make_roles(at, tenant); }},
            {"restore", [&at, tenant, fill = std::move(fill)] { return restore(at, tenant, fill); }},
            {"migrate", [&at, tenant] { return migrate(at, tenant); }},
            {"grant", [&at, tenant] { return open_to_application(at, tenant); }},
            {"activate", [&at, tenant] { return activate_tenant(at, tenant); }}};
}

}  // namespace bulkhead::lifecycle
