// SPDX-License-Identifier: Apache-2.0
// bulkhead-migrator tenant create, list, show
#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "auth/password_hasher.hpp"
#include "auth/password_policy.hpp"
#include "commands.hpp"
#include "lifecycle/audit_log.hpp"
#include "lifecycle/creation.hpp"
#include "lifecycle/new_database.hpp"
#include "lifecycle/saga.hpp"
#include "reporting.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::migrator {
namespace {

using tenancy::tenant;
using tenancy::tenant_status;

std::expected<std::optional<lifecycle::owner_account>, std::string> read_owner(const context& with) {
    const auto& args = with.args;
    if (args.owner_email.empty()) return std::nullopt;
    const auto password = read_secret_file(args.owner_password_file);
    if (!password) return std::unexpected(password.error());
    if (const auto wrong = auth::check_password(password->reveal(), args.owner_email, args.slug))
        return std::unexpected("the owner's password: " + wrong->detail);
    const auth::password_hasher hasher(with.settings.bcrypt_cost, with.settings.password_pepper);
    return lifecycle::owner_account{.email = args.owner_email,
                                    .name = args.owner_name.empty() ? args.owner_email : args.owner_name,
                                    .password_hash = hasher.hash(*password)};
}

/// A creation that was interrupted is completed as it was begun.
result<lifecycle::operation> find_or_begin(lifecycle::site& at, const std::optional<tenant>& existing,
                                           const lifecycle::new_tenant& wanted) {
    if (!existing || existing->status != tenant_status::provisioning)
        return lifecycle::begin_creation(at, wanted);
    auto found = lifecycle::current_operation(at, existing->id);
    if (!found) return std::unexpected(std::move(found.error()));
    if (!*found) return fail(errc::conflict, "the tenant is half made and nothing is recorded of it");
    if ((*found)->kind != lifecycle::operation_kind::create)
        return fail(errc::conflict, "the tenant is being made as a copy");
    return **std::move(found);
}

int report(const context& with, const tenant& one, bool created) {
    print(with, one);
    with.out.summary({{"created", created}});
    return exit_ok;
}

json::value limits_of(const tenant& one) {
    auto read = parse_json(schema::to_json(one.limits));
    return read ? *std::move(read) : json::value(json::object{});
}

/// "name: value" lines, for people who look at one tenant.
std::string details(const tenant& one) {
    return fmt::format(
        "slug:            {}\nname:            {}\nid:              {}\nstatus:          {}\n"
        "server:          {}\ndatabase:        {}\nschema version:  {}\nlimits:          {}\n"
        "storage bytes:   {}\ncreated:         {}{}{}",
        one.slug, one.name, one.id.to_string(), status_name(one.status), one.server.name, one.database,
        one.schema_version, schema::to_json(one.limits), one.storage_bytes, one.created_at,
        one.purge_after.empty() ? "" : "\npurged after:    ", one.purge_after);
}

void show_tenant_row(const context& with, const tenant& one) {
    auto object = describe(one);
    object["limits"] = limits_of(one);
    object["storage_bytes"] = one.storage_bytes;
    object["purge_after"] = one.purge_after.empty() ? json::value(nullptr) : json::value(one.purge_after);
    with.out.data(object, details(one));
}

result<bool> show_unfinished(const context& with, const lifecycle::site& at, const tenant& one) {
    const auto work = lifecycle::current_operation(at, one.id);
    if (!work) return std::unexpected(work.error());
    if (!*work) return false;
    const auto busy = lifecycle::is_worked_on(at, **work);
    if (!busy) return std::unexpected(busy.error());
    auto object = describe(**work);
    object["abandoned"] = !*busy;
    with.out.data(
        object,
        fmt::format("unfinished:      {} by {} since {}, {}, attempt {}, last step done: {}{}{}",
                    kind_name((*work)->kind), (*work)->actor, (*work)->created_at, state_name((*work)->state),
                    (*work)->attempt, (*work)->step.empty() ? "none" : (*work)->step,
                    (*work)->error.empty() ? "" : ", error: ", (*work)->error));
    with.out.message(*busy ? "a process is at this work"
                           : "this work was left behind; " + how_to_go_on(one.slug));
    return true;
}

}  // namespace

int create_tenant(const context& with) {
    const auto& args = with.args;
    const auto existing = tenancy::find_tenant(with.control, args.slug);
    if (!existing) return with.out.message(with.control.last_message()), exit_failed;
    if (args.if_absent && *existing && (*existing)->status != tenant_status::provisioning)
        return report(with, **existing, false);

    auto owner = read_owner(with);
    if (!owner) return with.out.message(owner.error()), exit_usage;
    auto at = site_of(with, args.slug);
    const auto begun = find_or_begin(at, *existing,
                                     {.slug = args.slug,
                                      .name = args.name.empty() ? args.slug : args.name,
                                      .owner = *std::move(owner),
                                      .server = args.server});
    if (const auto status = carry_out(with, at, args.slug, begun); status != exit_ok) return status;
    const auto made = lifecycle::load_tenant(at, begun->tenant);
    if (!made) return with.out.message(explain(made.error(), args.slug)), exit_failed;
    return report(with, *made, true);
}

int list_tenants(const context& with) {
    const auto tenants = read_tenants(with);
    if (!tenants) return with.out.message(tenants.error().message), exit_failed;
    std::size_t shown = 0;
    for (const auto& one : *tenants) {
        if (!with.args.status.empty() && status_name(one.status) != with.args.status) continue;
        print(with, one);
        ++shown;
    }
    with.out.summary({{"tenants", shown}});
    return exit_ok;
}

int show_tenant(const context& with) {
    constexpr std::size_t audit_lines = 10;
    const auto& slug = with.args.slug;
    const auto at = site_of(with, slug);
    const auto found = tenancy::find_tenant(with.control, slug);
    if (!found) return with.out.message(with.control.last_message()), exit_failed;
    if (!*found)
        return with.out.message(fmt::format("tenant {}: there is none of this name", slug)), exit_failed;
    show_tenant_row(with, **found);
    const auto unfinished = show_unfinished(with, at, **found);
    if (!unfinished) return with.out.message(explain(unfinished.error(), slug)), exit_failed;
    const auto log = lifecycle::read_audit(at, (*found)->id, audit_lines);
    if (!log) return with.out.message(explain(log.error(), slug)), exit_failed;
    for (const auto& one : *log)
        with.out.data(
            {{"type", "audit"},
             {"at", one.at},
             {"actor", one.actor},
             {"action", one.action},
             {"detail", one.detail}},
            fmt::format("{}  {:<12} {:<20} {}", one.at, one.actor, one.action, json::serialize(one.detail)));
    with.out.summary({{"unfinished", *unfinished}});
    return exit_ok;
}

}  // namespace bulkhead::migrator
