// SPDX-License-Identifier: Apache-2.0
#include "tenancy/usage.hpp"

#include "http/route.hpp"

namespace bulkhead::tenancy {
namespace {

bool may_add_data(http::verb method) {
    return method == http::verb::post || method == http::verb::put || method == http::verb::patch;
}

ratelimit::policy requests_per_minute(std::int64_t count) {
    return {ratelimit::tenant_policy, {{.count = count, .length = std::chrono::minutes{1}}}};
}

std::unexpected<error> no_requests_at_all() {
    error why{.code = errc::too_many_requests,
              .detail = "the tenant may make no requests",
              .retry_after = std::chrono::minutes{1}};
    return std::unexpected(std::move(why));
}

}  // namespace

usage_quotas::usage_quotas(ratelimit::gate& gate, metrics::registry& counts)
    : gate_(gate),
      no_room_(counts.add_counter("bulkhead_quota_refusals_total",
                                  "Requests refused because of a tenant's limits",
                                  metrics::label("quota", "storage_bytes"))) {}

awaitable<result<bool>> usage_quotas::count_request(http::exchange& x, const tenant& of,
                                                    std::optional<uuid> user) {
    const auto limit = of.limits.requests_per_minute;
    if (limit && limit->value() == 0) co_return no_requests_at_all();
    const auto& by_user = gate_.general();
    std::optional<ratelimit::policy> by_tenant;
    ratelimit::subjects whom;
    if (user && by_user.limits())
        whom.push_back({&by_user, key_of(by_user, of.id.to_string() + "/" + user->to_string())});
    if (limit) {
        by_tenant = requests_per_minute(limit->value());
        whom.push_back({&*by_tenant, key_of(*by_tenant, of.id.to_string())});
    }
    if (whom.empty()) co_return false;
    auto counted = co_await gate_.count(x, std::move(whom));
    if (!counted) co_return std::unexpected(std::move(counted.error()));
    co_return true;
}

awaitable<std::optional<std::int64_t>> usage_quotas::requests_counted(const tenant& of) {
    const auto limit = of.limits.requests_per_minute;
    if (!limit) co_return std::nullopt;
    const auto rule = requests_per_minute(limit->value());
    ratelimit::subject whom{&rule, key_of(rule, of.id.to_string())};
    co_return co_await gate_.counts().counted(std::move(whom));
}

result<> usage_quotas::check_storage(const tenant& of, const http::exchange& x) {
    const auto& limit = of.limits.storage_bytes;
    if (!limit || of.storage_bytes <= limit->value() || !may_add_data(x.head().method)) return {};
    if (x.operation() && !x.operation()->needs_room) return {};
    no_room_.add();
    return fail(errc::quota_exceeded, "the tenant's storage is used up: delete something first");
}

}  // namespace bulkhead::tenancy
