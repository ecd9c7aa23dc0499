// SPDX-License-Identifier: Apache-2.0
// The operator's port: health, metrics, what the pools and the jobs of all reactors do. Belongs to the
// reactor that serves it; wired on the main thread before any reactor starts.
#pragma once

#include <functional>

#include "debug_jobs.hpp"
#include "http/server.hpp"
#include "observability/metrics.hpp"
#include "ops/debug_pools.hpp"
#include "ops/debug_requests.hpp"
#include "ops/health.hpp"
#include "ops/tenant_metrics.hpp"
#include "persistence/postgres/pool_set.hpp"
#include "persistence/redis/client.hpp"
#include "tenancy/registry.hpp"
#include "worker_parts.hpp"

namespace bulkhead::worker {

class operator_page {
public:
    /// All must outlive this object. Pools, tenants and Redis are those of the reactor `home`.
    operator_page(executor home, ops::program_state& state, postgres::pool_set& pools,
                  tenancy::registry& tenants, redis::redis_client& redis, metrics::registry& metrics);

    /// A reactor that runs jobs.
    void add(executor reactor, worker_parts& part);
    void explain_budget(std::function<ops::budget_reason()> why) { pools_.explain_budget(std::move(why)); }

    [[nodiscard]] http::server& server() noexcept { return server_; }

private:
    metrics::registry& metrics_;
    http::server_metrics counts_;
    ops::health health_;
    ops::tenant_metrics own_tenants_;
    ops::tenant_page tenants_;
    ops::debug_pools pools_;
    debug_jobs jobs_;
    ops::debug_requests requests_;
    http::services services_;
    const http::router routes_;
    http::server server_;
};

}  // namespace bulkhead::worker
