// SPDX-License-Identifier: Apache-2.0
#include "features/usage/routes.hpp"

#include "auth/user_context.hpp"
#include "features/usage/model.hpp"
#include "http/endpoint.hpp"
#include "tenancy/schema_levels.hpp"
#include "tenancy/usage.hpp"

namespace bulkhead::usage {
namespace {

constexpr std::string_view count_users = "select count(*), 0::bigint from users";
constexpr std::string_view count_users_and_jobs =
    "select (select count(*) from users), (select count(*) from jobs where state in (0, 1))";

std::optional<std::int64_t> value_of(const std::optional<tenancy::quota>& limit) {
    if (!limit) return std::nullopt;
    return limit->value();
}

// GET /api/usage
awaitable<result<report>> get_usage(auth::admin_context& caller) {
    const auto& tenant = caller.tenant().info();
    const std::string_view count =
        tenant.schema_version < tenancy::with_jobs ? count_users : count_users_and_jobs;
    const auto counted = co_await caller.db().read(count);
    if (!counted) co_return std::unexpected(counted.error());
    auto& quotas = caller.tenant().request().service<tenancy::usage_quotas>();
    const auto requests = co_await quotas.requests_counted(tenant);
    const auto& limits = tenant.limits;
    co_return report{.users = {(*counted)[0].get<std::int64_t>(0), value_of(limits.users)},
                     .requests_per_minute = {requests, value_of(limits.requests_per_minute)},
                     .storage_bytes = {tenant.storage_bytes, value_of(limits.storage_bytes),
                                       parse_rfc3339(tenant.measured_at)},
                     .jobs_in_flight = {(*counted)[0].get<std::int64_t>(1), value_of(limits.jobs_in_flight)}};
}

}  // namespace

void mount(http::router& routes) {
    routes.get<get_usage>(
        "/api/usage", {.id = "getUsage",
                       .summary = "What the tenant may use, and what it uses",
                       .tag = "usage",
                       .description = "For owners and administrators. A limit that is null is none; requests "
                                      "are counted only where they are limited."});
}

}  // namespace bulkhead::usage
