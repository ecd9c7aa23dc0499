// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/states.hpp"

#include <fmt/format.h>

#include "lifecycle/credentials.hpp"
#include "lifecycle/operation.hpp"
#include "lifecycle/transaction.hpp"
#include "observability/log.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::lifecycle {
namespace {

using tenancy::tenant;
using tenancy::tenant_status;

constexpr std::string_view unique_violation = "23505";

result<tenant> load(const site& at, std::string_view slug) {
    auto found = tenancy::find_tenant(at.control(), slug);
    if (!found) return std::unexpected(std::move(found.error()));
    if (!*found) return fail(errc::tenant_unknown);
    return **std::move(found);
}

/// Why an update that names a state found nothing to change.
std::unexpected<error> refused(const site& at, std::string_view slug) {
    const auto found = load(at, slug);
    if (!found) return std::unexpected(found.error());
    return fail(errc::conflict, fmt::format("the tenant is {}, or other work on it is not finished",
                                            status_name(found->status)));
}

/// `sql` updates the row of the tenant `slug` ($1), unless work on it is under way; then the audit log is
/// written.
result<tenant> update(site& at, std::string_view slug, std::string_view action, std::string_view assignments,
                      std::string_view states, std::initializer_list<postgres::parameter> parameters,
                      const json::object& detail) {
    transaction all(at.control());
    if (!all.begun()) return std::unexpected(all.begun().error());
    const auto done = at.control().run(fmt::format("update tenants t set {}, updated_at = now() where slug = "
                                                   "$1 and status in ({}) and {} returning id",
                                                   assignments, states, nothing_unfinished),
                                       parameters);
    if (!done && at.control().last_sqlstate() == unique_violation)
        return fail(errc::conflict, "this slug is taken");
    if (!done) return std::unexpected(done.error());
    if (done->empty()) return refused(at, slug);
    const auto id = uuid::parse(done->text(0, 0));
    if (!id) return fail(errc::internal);
    if (auto noted = audit(at, action, *id, slug, detail); !noted)
        return std::unexpected(std::move(noted.error()));
    if (auto committed = all.commit(); !committed) return std::unexpected(std::move(committed.error()));
    auto changed = tenancy::find_tenant(at.control(), *id);
    if (!changed) return std::unexpected(std::move(changed.error()));
    if (!*changed) return fail(errc::tenant_unknown);  // purged in this moment
    return **std::move(changed);
}

/// Every process refuses the tenant already; this is for those that did not hear of it.
result<void> lock_out_of_server(site& at, const tenant& one) {
    const auto server = at.server(one.server.name);
    if (!server) return std::unexpected(server.error());
    return lock_out(**server, one.role);
}

}  // namespace

result<tenant> suspend(site& at, std::string_view slug, std::string_view reason) {
    auto changed =
        update(at, slug, "tenant.suspend", "status = 'suspended'", "'active'", {slug}, {{"reason", reason}});
    if (!changed) return changed;
    // Its server being away does not make the tenant less suspended.
    if (auto locked = lock_out_of_server(at, *changed); !locked)
        log::warn("a suspended tenant's role could not be locked", {{"tenant", slug}});
    return changed;
}

result<tenant> resume(site& at, std::string_view slug) {
    const auto found = load(at, slug);
    if (!found) return std::unexpected(found.error());
    if (found->status != tenant_status::suspended) return refused(at, slug);
    const auto busy = current_operation(at, found->id);
    if (!busy) return std::unexpected(busy.error());
    if (*busy) return refused(at, slug);
    // First the role: a tenant that is active can be used.
    const auto server = at.server(found->server.name);
    if (!server) return std::unexpected(server.error());
    if (auto open = allow_login(**server, found->role, true); !open)
        return std::unexpected(std::move(open.error()));
    return update(at, slug, "tenant.resume", "status = 'active'", "'suspended'", {slug}, {});
}

result<tenant> change(site& at, std::string_view slug, const tenant_change& wanted) {
    if (wanted.slug)
        if (auto valid = tenancy::check_slug(*wanted.slug); !valid)
            return std::unexpected(std::move(valid.error()));
    if (wanted.name)
        if (auto valid = tenancy::check_name(*wanted.name); !valid)
            return std::unexpected(std::move(valid.error()));
    const auto given = [](const auto& member) {
        return member ? postgres::parameter(std::string_view(*member)) : postgres::parameter(std::nullopt);
    };
    const auto limits = wanted.limits ? std::optional(schema::to_json(*wanted.limits)) : std::nullopt;
    json::object detail;
    if (wanted.slug) detail["slug"] = *wanted.slug;
    if (wanted.name) detail["name"] = *wanted.name;
    if (limits) detail["limits"] = json::value(*limits);
    return update(
        at, slug, "tenant.change",
        "slug = coalesce($2, slug), name = coalesce($3, name), limits = coalesce($4::jsonb, limits)",
        "'active', 'suspended'", {slug, given(wanted.slug), given(wanted.name), given(limits)}, detail);
}

result<tenant> end_all_tokens(site& at, std::string_view slug) {
    return update(at, slug, "tenant.end-tokens", "key_version = key_version + 1", "'active', 'suspended'",
                  {slug}, {});
}

}  // namespace bulkhead::lifecycle
