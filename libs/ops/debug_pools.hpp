// SPDX-License-Identifier: Apache-2.0
// GET /debug/pools: who has the database connections of this process, who waits for one, who fails, and why
// the budget is what it is. Gathered from all reactors when asked. No secrets; tenants by their slugs, so
// for the operator's port only.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "http/router.hpp"
#include "observability/metrics.hpp"
#include "persistence/postgres/pool_set.hpp"
#include "schema/schema.hpp"
#include "tenancy/registry.hpp"

namespace bulkhead::ops {

/// Why the process may use so many connections.
struct budget_reason {
    std::int64_t share;      // connections of this process
    std::int64_t most;       // what it would use if it were alone
    std::int64_t room;       // of the server, for all processes together
    std::int64_t wanted;     // by all of them; more than `room`: each gets a part by what it wants
    std::int64_t processes;  // that live; 0: Redis has not been heard
};
BOOST_DESCRIBE_STRUCT(budget_reason, (), (share, most, room, wanted, processes))

/// Of one reactor, or of all together. Members as in postgres::pool_totals.
struct pool_sums {
    std::int64_t budget = 0, open = 0, waiting = 0, hungry = 0, failing = 0, opened = 0, closed = 0,
                 stolen = 0, timed_out_waiting = 0, connect_failures = 0, refused = 0;
};
BOOST_DESCRIBE_STRUCT(pool_sums, (),
                      (budget, open, waiting, hungry, failing, opened, closed, stolen, timed_out_waiting,
                       connect_failures, refused))

/// Members as in postgres::pool_report.
struct pool_line {
    std::string tenant;  // its slug, or the pool's key when the reactor does not know the tenant
    std::int64_t reactor = 0;
    std::string target;
    std::int64_t connections = 0, connecting = 0, idle = 0, in_flight = 0, waiting = 0, longest_wait_ms = 0,
                 opened = 0;
    bool failing = false, retired = false;
    std::string last_failure;
    std::int64_t retry_in_ms = 0;
};
BOOST_DESCRIBE_STRUCT(pool_line, (),
                      (tenant, reactor, target, connections, connecting, idle, in_flight, waiting,
                       longest_wait_ms, opened, failing, retired, last_failure, retry_in_ms))

struct pools_page {
    budget_reason budget{};
    pool_sums totals{};
    std::vector<pool_sums> reactors{};
    std::int64_t silent_reactors = 0;  // that did not answer within a second; they are missing in all sums
    std::vector<pool_line> pools{};    // the busiest first
    std::int64_t left_out = 0;         // pools that are not listed
};
BOOST_DESCRIBE_STRUCT(pools_page, (), (budget, totals, reactors, silent_reactors, pools, left_out))

class debug_pools {
public:
    static constexpr std::size_t most_lines = 200;

    /// While the program is wired; both must live as long as the reactors run.
    void add(executor home, const postgres::pool_set& pools, const tenancy::registry& tenants);
    /// Called on the reactor that serves the page.
    void explain_budget(std::function<budget_reason()> why) { why_ = std::move(why); }

    /// On the reactor that serves the page.
    [[nodiscard]] awaitable<pools_page> collect() const;

private:
    struct source {
        const postgres::pool_set* pools;
        const tenancy::registry* tenants;
    };
    struct answer {
        pool_sums sums;
        std::vector<pool_line> lines;
        std::size_t left_out;
    };
    static answer ask(const source& of, std::size_t index);

    std::vector<executor> reactors_;
    std::vector<source> sources_;
    std::function<budget_reason()> why_;
};

/// The handler uses the service ops::debug_pools.
void mount_debug_pools(http::router& routes);

/// bulkhead_db_*: all reactors' pools together, no tenants. The pools must outlive the last scrape.
void add_pool_metrics(metrics::registry& to, const postgres::pool_set& pools);

}  // namespace bulkhead::ops
