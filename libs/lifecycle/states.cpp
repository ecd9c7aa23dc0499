// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/states.hpp"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <boost/mp11/algorithm.hpp>

#include "lifecycle/credentials.hpp"
#include "lifecycle/locks.hpp"
#include "lifecycle/new_database.hpp"
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

/// Short changes of one tenant come one after the other: what one of them looks at first, or does on the
/// server afterwards, no other one changes meanwhile.
result<migrations::advisory_lock> wait_for_turn(const site& at, std::string_view slug) {
    return lock_by_name(at, fmt::format("change/{}", slug), std::chrono::seconds(2));
}

struct short_change {
    std::string_view action;
    std::string_view assignments;
    std::string_view states;  // in which it is allowed
    json::object detail{};
    /// Done while the row is ours, which then says what it will say.
    std::function<result<void>(const tenant&)> before_commit{};
};

/// Updates the row of the tenant `slug` ($1), unless work on it is under way; then the audit log is written.
result<tenant> update(site& at, std::string_view slug, const short_change& what,
                      std::initializer_list<postgres::parameter> parameters) {
    transaction all(at.control());
    if (!all.begun()) return std::unexpected(all.begun().error());
    const auto done = at.control().run(fmt::format("update tenants t set {}, updated_at = now() where slug = "
                                                   "$1 and status in ({}) and {} returning id",
                                                   what.assignments, what.states, nothing_unfinished),
                                       parameters);
    if (!done && at.control().last_sqlstate() == unique_violation)
        return fail(errc::conflict, "this slug is taken");
    if (!done) return std::unexpected(done.error());
    if (done->empty()) return refused(at, slug);
    const auto id = uuid::parse(done->text(0, 0));
    if (!id) return fail(errc::internal);
    if (what.before_commit) {
        const auto then = load_tenant(at, *id);
        if (!then) return std::unexpected(then.error());
        if (auto good = what.before_commit(*then); !good) return std::unexpected(std::move(good.error()));
    }
    if (auto noted = audit(at, what.action, *id, slug, what.detail); !noted)
        return std::unexpected(std::move(noted.error()));
    if (auto committed = all.commit(); !committed) return std::unexpected(std::move(committed.error()));
    auto changed = tenancy::find_tenant(at.control(), *id);
    if (!changed) return std::unexpected(std::move(changed.error()));
    if (!*changed) return fail(errc::tenant_unknown);  // purged in this moment
    return **std::move(changed);
}

/// The members that differ, null for a limit that is lifted: everything else in the column stays, also what a
/// newer program wrote there.
json::object changed_limits(const tenancy::tenant_limits& from, const tenancy::tenant_limits& to) {
    using members = boost::describe::describe_members<tenancy::tenant_limits, boost::describe::mod_public>;
    json::object out;
    boost::mp11::mp_for_each<members>([&](auto member) {
        const auto& limit = to.*member.pointer;
        if (limit == from.*member.pointer) return;
        out[member.name] = limit ? json::value(limit->value()) : json::value(nullptr);
    });
    return out;
}

/// Every process refuses the tenant already; this is for those that did not hear of it.
result<void> lock_out_of_server(site& at, const tenant& one) {
    const auto server = at.server(one.server.name);
    if (!server) return std::unexpected(server.error());
    return lock_out(**server, one.role);
}

}  // namespace

result<tenant> suspend(site& at, std::string_view slug, std::string_view reason) {
    const auto turn = wait_for_turn(at, slug);
    if (!turn) return std::unexpected(turn.error());
    auto changed = update(at, slug,
                          {.action = "tenant.suspend",
                           .assignments = "status = 'suspended'",
                           .states = "'active'",
                           .detail = {{"reason", reason}}},
                          {slug});
    // Whoever has begun to delete or to move it in this moment sees to the role.
    if (!changed || changed->status != tenant_status::suspended) return changed;
    // Its server being away does not make the tenant less suspended.
    if (auto locked = lock_out_of_server(at, *changed); !locked)
        log::warn("a suspended tenant's role could not be locked", {{"tenant", slug}});
    return changed;
}

result<tenant> resume(site& at, std::string_view slug) {
    const auto turn = wait_for_turn(at, slug);
    if (!turn) return std::unexpected(turn.error());
    // First the role: a tenant that is active can be used.
    const auto unlock = [&at](const tenant& one) -> result<void> {
        const auto server = at.server(one.server.name);
        if (!server) return std::unexpected(server.error());
        return allow_login(**server, one.role, true);
    };
    return update(at, slug,
                  {.action = "tenant.resume",
                   .assignments = "status = 'active'",
                   .states = "'suspended'",
                   .before_commit = unlock},
                  {slug});
}

result<tenant> change(site& at, std::string_view slug, const decision& decide) {
    const auto turn = wait_for_turn(at, slug);
    if (!turn) return std::unexpected(turn.error());
    auto now = load(at, slug);
    if (!now) return now;
    const auto wanted = decide(*now);
    if (!wanted) return std::unexpected(wanted.error());
    if (!wanted->slug && !wanted->name && !wanted->limits) return now;
    if (wanted->slug)
        if (auto valid = tenancy::check_slug(*wanted->slug); !valid)
            return std::unexpected(std::move(valid.error()));
    if (wanted->name)
        if (auto valid = tenancy::check_name(*wanted->name); !valid)
            return std::unexpected(std::move(valid.error()));
    const auto given = [](const auto& member) {
        return member ? postgres::parameter(std::string_view(*member)) : postgres::parameter(std::nullopt);
    };
    const auto limits = wanted->limits ? changed_limits(now->limits, *wanted->limits) : json::object();
    json::object detail;
    if (wanted->slug) detail["slug"] = *wanted->slug;
    if (wanted->name) detail["name"] = *wanted->name;
    if (wanted->limits) detail["limits"] = schema::to_json(*wanted->limits);
    return update(
        at, slug,
        {.action = "tenant.change",
         .assignments = "slug = coalesce($2, slug), name = coalesce($3, name), limits = limits || $4::jsonb",
         .states = "'active', 'suspended'",
         .detail = std::move(detail)},
        {slug, given(wanted->slug), given(wanted->name), json::serialize(limits)});
}

result<tenant> change(site& at, std::string_view slug, const tenant_change& wanted) {
    return change(at, slug, [&](const tenant&) { return wanted; });
}

result<tenant> end_all_tokens(site& at, std::string_view slug) {
    return update(at, slug,
                  {.action = "tenant.end-sessions",
                   .assignments = "key_version = key_version + 1",
                   .states = "'active', 'suspended'"},
                  {slug});
}

}  // namespace bulkhead::lifecycle
