// SPDX-License-Identifier: Apache-2.0
// bulkhead-migrator tenant delete, undelete, purge, repair
#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "commands.hpp"
#include "lifecycle/audit_log.hpp"
#include "lifecycle/new_database.hpp"
#include "lifecycle/removal.hpp"
#include "lifecycle/work.hpp"
#include "reporting.hpp"
#include "stop_signal.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::migrator {
namespace {

/// Does it and shows the tenant as it is then.
int carry_out_and_print(const context& with, lifecycle::site& at, const result<lifecycle::operation>& begun) {
    const auto& slug = with.args.slug;
    if (const auto status = carry_out(with, at, slug, begun); status != exit_ok) return status;
    const auto now = lifecycle::load_tenant(at, begun->tenant);
    if (!now) return complain(with, at, now.error(), slug);
    print(with, *now,
          {{"purge_after", now->purge_after.empty() ? json::value(nullptr) : json::value(now->purge_after)}});
    with.out.summary({{"operation", begun->id.to_string()}});
    return exit_ok;
}

/// The certificate of the last tenant of this name that was purged.
result<std::optional<json::object>> find_certificate(const lifecycle::site& at, std::string_view slug) {
    auto found = lifecycle::last_of(at, "tenant.purged", slug);
    if (!found) return std::unexpected(std::move(found.error()));
    if (!*found) return std::nullopt;
    return std::move((*found)->detail);
}

int print_certificate(const context& with, json::object certificate) {
    certificate["type"] = "certificate";
    with.out.data(certificate, json::serialize(certificate));
    with.out.summary({{"purged", true}});
    return exit_ok;
}

exit_code repair_one(const context& with, lifecycle::site& at, const std::string& slug) {
    const auto tenant = tenancy::find_tenant(with.control, slug);
    if (!tenant) return complain(with, at, tenant.error(), slug);
    if (!*tenant) return complain(with, at, {.code = errc::tenant_unknown}, slug);
    const auto work = lifecycle::current_operation(at, (*tenant)->id);
    if (!work) return complain(with, at, work.error(), slug);
    if (!*work) {
        with.out.message(fmt::format("tenant {}: nothing is unfinished", slug));
        with.out.summary({{"continued", 0}, {"unfinished", 0}});
        return exit_ok;
    }
    const auto status = carry_out(with, at, slug, **work);
    const auto now = lifecycle::find_operation(at, (*work)->id);
    const bool ended = now && *now && (*now)->finished();
    if (now && *now)
        with.out.data(describe(**now),
                      fmt::format("{}  {}  {}", slug, kind_name((*now)->kind), state_name((*now)->state)));
    with.out.summary({{"continued", 1}, {"unfinished", ended ? 0 : 1}});
    return status;
}

int repair_all(const context& with, lifecycle::site& at) {
    const auto left = lifecycle::quiet_operations(at, std::chrono::milliseconds(0));
    if (!left) return complain(with, at, left.error(), "(all)");
    std::size_t unfinished = 0;
    std::size_t failed = 0;
    for (const auto& one : *left) {
        if (stop_signal() != 0) {
            ++unfinished;
            continue;
        }
        if (carry_out(with, at, one.slug, one) != exit_ok) ++failed;
        const auto now = lifecycle::find_operation(at, one.id);
        if (!now || !*now || !(*now)->finished()) ++unfinished;
        if (now && *now)
            with.out.data(describe(**now), fmt::format("{}  {}  {}", one.slug, kind_name((*now)->kind),
                                                       state_name((*now)->state)));
    }
    with.out.summary({{"continued", left->size()}, {"unfinished", unfinished}, {"failed", failed}});
    if (failed + unfinished == 0) return exit_ok;
    return failed == left->size() ? exit_failed : exit_partly_failed;
}

}  // namespace

int delete_tenant(const context& with) {
    auto at = site_of(with, with.args.slug);
    return carry_out_and_print(with, at, lifecycle::begin_removal(at, with.args.slug));
}

int undelete_tenant(const context& with) {
    auto at = site_of(with, with.args.slug);
    return carry_out_and_print(with, at, lifecycle::begin_undelete(at, with.args.slug));
}

int purge_tenant(const context& with) {
    const auto& slug = with.args.slug;
    auto at = site_of(with, slug);
    const auto begun = lifecycle::begin_purge(at, slug);
    // Asked again after the end was lost, say with the terminal: the certificate is still there.
    if (!begun && begun.error().code == errc::tenant_unknown) {
        auto earlier = find_certificate(at, slug);
        if (earlier && *earlier) return print_certificate(with, **std::move(earlier));
    }
    if (const auto status = carry_out(with, at, slug, begun); status != exit_ok) return status;
    auto certificate = find_certificate(at, slug);
    if (!certificate) return complain(with, at, certificate.error(), slug);
    if (!*certificate) return with.out.message("the certificate is missing in the audit log"), exit_failed;
    return print_certificate(with, **std::move(certificate));
}

int repair_tenants(const context& with) {
    auto at = site_of(with, with.args.slug);
    if (with.args.slug.empty()) return repair_all(with, at);
    return repair_one(with, at, with.args.slug);
}

}  // namespace bulkhead::migrator
