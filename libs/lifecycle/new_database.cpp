// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/new_database.hpp"

#include "lifecycle/template_database.hpp"
#include "lifecycle/tenant_database.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::lifecycle {
namespace {

saga_step undo_step(std::string_view name, site& at, const uuid& tenant, work_on_tenant what) {
    return {name, [&at, tenant, what]() -> result<void> {
                const auto found = find_place(at, tenant);
                // An undo that was killed after its last step finds no row any more.
                if (!found && found.error().code == errc::not_found) return {};
                if (!found) return std::unexpected(found.error());
                if (found->tenant.status != tenancy::tenant_status::provisioning)
                    return fail(errc::conflict, "the tenant is in use");
                return what(at, *found);
            }};
}

result<void> make_roles(site& at, const place& in) {
    return create_roles(*in.server, in.tenant.id, credentials_of(in.tenant), at.box(),
                        at.settings().connection_limit);
}

result<void> make_database(site& at, const place& in) {
    const auto source = ensure_template(at, in.tenant.server.name);
    if (!source) return std::unexpected(source.error());
    const auto exists = database_exists(*in.server, in.tenant.database);
    if (!exists) return std::unexpected(exists.error());
    if (*exists) return {};
    // First: a build with another schema may go on from here, and what the database holds is from this one.
    if (auto noted = tenancy::save_schema_version(at.control(), in.tenant.id, at.schema().head()); !noted)
        return noted;
    return create_database(*in.server, in.tenant.database, *source, credentials_of(in.tenant));
}

result<void> open(site&, const place& in) {
    return open_database(*in.server, in.tenant.database, credentials_of(in.tenant));
}

result<void> give_to_owner(site& at, const place& in) {
    const auto login = at.admin_conninfo(in.tenant.server.name, in.tenant.database);
    if (!login) return std::unexpected(login.error());
    auto database = connect(*login);
    if (!database) return std::unexpected(std::move(database.error()));
    return hand_over(*database, credentials_of(in.tenant));
}

result<void> remove_database(site&, const place& in) { return drop_database(*in.server, in.tenant.database); }

result<void> remove_roles(site&, const place& in) {
    return drop_roles(*in.server, credentials_of(in.tenant));
}

result<void> remove_row(site& at, const place& in) {
    const auto gone = run(at.control(), "delete from tenants where id = $1", {in.tenant.id});
    if (!gone) return std::unexpected(gone.error());
    return {};
}

}  // namespace

result<place> find_place(site& at, const uuid& id) {
    auto tenant = load_tenant(at, id);
    if (!tenant) return std::unexpected(std::move(tenant.error()));
    const auto server = at.server(tenant->server.name);
    if (!server) return std::unexpected(server.error());
    return place{*std::move(tenant), *server};
}

saga_step tenant_step(std::string_view name, site& at, const uuid& tenant, work_on_tenant what) {
    return {name, [&at, tenant, what]() -> result<void> {
                const auto found = find_place(at, tenant);
                if (!found) return std::unexpected(found.error());
                return what(at, *found);
            }};
}

std::vector<saga_step> new_database_steps(site& at, const uuid& tenant) {
    return {tenant_step("roles", at, tenant, make_roles), tenant_step("database", at, tenant, make_database),
            tenant_step("open", at, tenant, open),
            tenant_step(last_database_step, at, tenant, give_to_owner)};
}

std::vector<saga_step> forget_database_steps(site& at, const uuid& tenant) {
    return {undo_step("database", at, tenant, remove_database), undo_step("roles", at, tenant, remove_roles),
            undo_step("row", at, tenant, remove_row)};
}

result<void> activate_tenant(site& at, const uuid& tenant) {
    const auto done = run(at.control(),
                          "update tenants set status = 'active', updated_at = now() "
                          "where id = $1 and status in ('provisioning', 'active')",
                          {tenant});
    if (!done) return std::unexpected(done.error());
    if (done->affected() != 1) return fail(errc::conflict, "the tenant was changed while it was being made");
    return {};
}

result<std::string> choose_server(const site& at, std::string_view wanted) {
    if (!wanted.empty()) return std::string(wanted);
    const auto found = run(at.control(),
                           "select s.name from servers s where s.accepts_tenants order by "
                           "(select count(*) from tenants t where t.server_id = s.id), s.id limit 1");
    if (!found) return std::unexpected(found.error());
    if (found->empty()) return fail(errc::unavailable, "no server accepts new tenants");
    return std::string(found->text(0, 0));
}

credentials credentials_of(const tenancy::tenant& one) {
    return {.role = one.role,
            .sealed_password = one.sealed_password,
            .owner_role = one.owner_role,
            .sealed_owner_password = one.sealed_owner_password};
}

result<tenancy::tenant> load_tenant(const site& at, const uuid& id) {
    auto found = tenancy::find_tenant(at.control(), id);
    if (!found) return std::unexpected(std::move(found.error()));
    if (!*found) return fail(errc::not_found, "there is no such tenant");
    return **std::move(found);
}

result<postgres::session> connect_as_owner(const site& at, const uuid& tenant) {
    const auto found = load_tenant(at, tenant);
    if (!found) return std::unexpected(found.error());
    const auto login = tenancy::owner_conninfo(at.control_info(), *found, at.box());
    if (!login) return std::unexpected(login.error());
    return connect(*login);
}

}  // namespace bulkhead::lifecycle
