// SPDX-License-Identifier: Apache-2.0
// All that belongs to one reactor that runs jobs: its connections to PostgreSQL and Redis, its tenant cache,
// its handlers, its runner. Nothing in here is shared with another reactor.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "base/sealed_box.hpp"
#include "config/settings.hpp"
#include "job_kinds.hpp"
#include "observability/metrics.hpp"
#include "persistence/postgres/pool_set.hpp"
#include "persistence/redis/client.hpp"
#include "persistence/redis/waiter.hpp"
#include "queue/cron.hpp"
#include "queue/dispatch.hpp"
#include "queue/runner.hpp"
#include "runtime/reactor.hpp"
#include "tenancy/registry.hpp"

namespace bulkhead::worker {

/// What reactors share; read-only or safe from any thread. Must outlive them.
struct shared_parts {
    const config::settings& settings;
    const postgres::conninfo& control;
    const postgres::pool_settings& pools;
    const sealed_box& box;
    metrics::registry& metrics;
    queue::lease_book& leases;
    job_tools& tools;
    std::string owner;  // of the leases
    std::function<void(const queue::run_trouble&)> report;
    std::function<void(const uuid& tenant)> on_more;  // of its jobs can be brought to Redis; any thread
    const std::function<void(queue::handlers&)>& more_kinds;  // may be empty
};

class worker_parts {
public:
    /// The reactor `index` of `count`.
    worker_parts(runtime::reactor& home, const shared_parts& shared, std::size_t index, std::size_t count);

    // On the reactor's thread.
    void start();
    void stop();

    [[nodiscard]] tenancy::registry& tenants() noexcept { return tenants_; }
    [[nodiscard]] postgres::pool_set& pools() noexcept { return pools_; }
    [[nodiscard]] queue::runner& runner() noexcept { return runner_; }

private:
    postgres::pool_set pools_;
    redis::redis_client redis_;
    tenancy::registry tenants_;
    job_kinds kinds_;
    queue::dispatch dispatch_;
    queue::run_metrics counts_;
    queue::run_desk desk_;
    std::array<std::unique_ptr<redis::waiter>, queue::lanes> bells_;
    queue::runner runner_;
    std::optional<queue::cron> cron_;  // of the first reactor
};

}  // namespace bulkhead::worker
