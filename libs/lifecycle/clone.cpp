// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/clone.hpp"

#include <fmt/format.h>

#include "lifecycle/dump.hpp"
#include "lifecycle/dump_target.hpp"
#include "lifecycle/new_database.hpp"
#include "lifecycle/saga.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::lifecycle {
namespace {

using tenancy::tenant;
using tenancy::tenant_status;

/// In maintenance it is at one of two places: its owner cannot log in until it is clear at which.
result<void> check_source(const tenant& source) {
    if (source.status == tenant_status::active || source.status == tenant_status::suspended ||
        source.status == tenant_status::maintenance)
        return {};
    return fail(errc::conflict, fmt::format("the source is {}", status_name(source.status)));
}

class clone final : public saga {
public:
    explicit clone(site& at) : at_(at) {}

    std::vector<saga_step> steps() override {
        return filled_tenant_steps(at_, record().tenant,
                                   [this](const postgres::conninfo& into) { return copy_source(into); });
    }
    std::vector<saga_step> undo() override { return forget_database_steps(at_, record().tenant); }

private:
    result<void> copy_source(const postgres::conninfo& into) {
        const auto* const id = record().input.if_contains("source");
        const auto source_id = id && id->is_string() ? uuid::parse(id->as_string()) : std::nullopt;
        if (!source_id) return fail(errc::internal);
        const auto source = load_tenant(at_, *source_id);
        if (!source && source.error().code == errc::not_found)
            return fail(errc::conflict, "the source has been purged");
        if (!source) return std::unexpected(source.error());
        if (auto there = check_source(*source); !there) return there;
        auto login = tenancy::owner_conninfo(at_.control_info(), *source, at_.box());
        if (!login) return std::unexpected(std::move(login.error()));
        const runtime::patience how_long{std::chrono::steady_clock::now() + at_.settings().longest_copy,
                                         at_.stop};
        const auto copied =
            copy_database({.login = *std::move(login)}, into, dump_contents::transferable, how_long);
        if (!copied) return std::unexpected(copied.error());
        return {};
    }

    site& at_;
};

}  // namespace

result<operation> begin_clone(site& at, std::string_view source_slug, const new_tenant& wanted) {
    const auto source = tenancy::find_tenant(at.control(), source_slug);
    if (!source) return std::unexpected(source.error());
    if (!*source) return fail(errc::tenant_unknown);
    if (auto there = check_source(**source); !there) return std::unexpected(std::move(there.error()));
    auto as = wanted;
    if (as.name.empty()) as.name = (*source)->name;
    if (as.limits == tenancy::tenant_limits{}) as.limits = (*source)->limits;
    const json::object from{{"source", (*source)->id.to_string()}, {"source_slug", source_slug}};
    return begin_filled_tenant(at, operation_kind::clone, as, from);
}

result<operation> continue_clone(site& at, const operation& begun) {
    clone how(at);
    return run_saga(at, begun, how);
}

}  // namespace bulkhead::lifecycle
