// SPDX-License-Identifier: Apache-2.0
// Makes the jobs of schedules when their time has come. Which slots were made is written in each tenant's
// database, by the transaction that makes them; Redis only says which tenant is to be looked at next. Any
// number of processes may do this: none makes a slot twice, and a slot that nobody was there for is made up
// for as its schedule says. Belongs to one reactor; destroyed after that has ended.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "observability/metrics.hpp"
#include "queue/dispatch.hpp"
#include "queue/schedule.hpp"
#include "tenancy/registry.hpp"

namespace bulkhead::queue {

struct cron_settings {
    std::chrono::milliseconds poll{1'000};
    unsigned at_once = 16;                         // tenants that are taken in one round
    std::chrono::milliseconds hidden{30'000};      // a look that was cut short begins again after this
    std::chrono::milliseconds list_every{60'000};  // for tenants that nobody knows of yet
    std::chrono::milliseconds spread{60'000};      // first looks at them
    std::chrono::milliseconds look_limit{10'000};
};

class cron {
public:
    /// References must outlive it.
    cron(executor where, redis::redis_client& redis, dispatch& to, tenancy::registry& tenants,
         std::vector<schedule> all, metrics::registry& counts, cron_settings settings = {});
    cron(const cron&) = delete;
    cron& operator=(const cron&) = delete;

    // On the reactor's thread.
    void start();
    void stop();

    /// Of one tenant: makes what is due, by its server's clock. In how long to look again; nullopt: not at
    /// all, it is closed.
    awaitable<result<std::optional<std::chrono::milliseconds>>> look_at(uuid tenant);

private:
    awaitable<> run();
    awaitable<result<>> list_tenants();
    awaitable<result<>> round();
    awaitable<> look(uuid tenant);

    const executor executor_;
    redis::redis_client& redis_;
    dispatch& to_;
    tenancy::registry& tenants_;
    const std::vector<schedule> all_;
    const cron_settings settings_;
    metrics::counter& made_;
    metrics::counter& failures_;
    steady_timer timer_;
    steady_clock::time_point list_at_{};
    bool stopped_ = false;
};

}  // namespace bulkhead::queue
