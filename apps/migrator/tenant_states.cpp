// SPDX-License-Identifier: Apache-2.0
// bulkhead-migrator tenant suspend, resume, rename, limits, end-sessions
#include "commands.hpp"
#include "lifecycle/states.hpp"
#include "reporting.hpp"

namespace bulkhead::migrator {
namespace {

using tenancy::tenant;

int report(const context& with, lifecycle::site& at, const result<tenant>& changed,
           const json::object& more = {}) {
    if (!changed) return complain(with, at, changed.error(), with.args.slug);
    print(with, *changed, more);
    with.out.summary({{"changed", true}});
    return exit_ok;
}

void apply(const limit_argument& wanted, std::optional<tenancy::quota>& limit) {
    if (!wanted.given) return;
    limit.reset();
    if (wanted.value) limit.emplace(*wanted.value);
}

int show_limits(const context& with, const tenancy::tenant_limits& limits, bool changed) {
    const auto text = schema::to_json(limits);
    auto object = parse_json(text);
    if (!object) return exit_failed;
    with.out.data({{"type", "limits"}, {"slug", with.args.slug}, {"limits", *std::move(object)}}, text);
    with.out.summary({{"changed", changed}});
    return exit_ok;
}

}  // namespace

int suspend_tenant(const context& with) {
    auto at = site_of(with, with.args.slug);
    return report(with, at, lifecycle::suspend(at, with.args.slug, with.args.reason));
}

int resume_tenant(const context& with) {
    auto at = site_of(with, with.args.slug);
    return report(with, at, lifecycle::resume(at, with.args.slug));
}

int rename_tenant(const context& with) {
    const auto& args = with.args;
    auto at = site_of(with, args.slug);
    lifecycle::tenant_change wanted{.slug = args.new_slug};
    if (!args.name.empty()) wanted.name = args.name;
    return report(with, at, lifecycle::change(at, args.slug, wanted));
}

int limit_tenant(const context& with) {
    const auto& args = with.args;
    auto at = site_of(with, args.slug);
    bool changes = false;
    const auto now = lifecycle::change(at, args.slug, [&](const tenant& one) {
        auto limits = one.limits;
        apply(args.users, limits.users);
        apply(args.requests_per_minute, limits.requests_per_minute);
        apply(args.storage_bytes, limits.storage_bytes);
        apply(args.jobs_in_flight, limits.jobs_in_flight);
        changes = limits != one.limits;
        return changes ? lifecycle::tenant_change{.limits = limits} : lifecycle::tenant_change{};
    });
    if (!now) return complain(with, at, now.error(), args.slug);
    return show_limits(with, now->limits, changes);
}

int end_sessions(const context& with) {
    auto at = site_of(with, with.args.slug);
    return report(with, at, lifecycle::end_all_tokens(at, with.args.slug));
}

}  // namespace bulkhead::migrator
