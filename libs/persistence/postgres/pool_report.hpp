// SPDX-License-Identifier: Apache-2.0
// What a pool set tells operators: the state of each pool, and counters since the start. The reports are
// plain values without secrets; the counters may be read from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "observability/metrics.hpp"

namespace bulkhead::postgres {

/// Counted on the reactor of the set, read anywhere.
struct pool_counters {
    metrics::counter opened;             // connections, logged in
    metrics::counter closed;             // of those
    metrics::counter stolen;             // of those, taken from one database for another
    metrics::counter timed_out_waiting;  // operations that got no connection in time
    metrics::counter connect_failures;
    metrics::counter refused;  // operations turned away at once: the database fails, or too many wait
};

/// Refreshed on the reactor of the set about once a second, read anywhere.
struct pool_gauges {
    metrics::gauge idle, busy, connecting;  // connections
    metrics::gauge budget;
    metrics::gauge waiting;  // operations
    metrics::gauge failing;  // databases
};

struct pool_report {
    std::string key{};
    std::string target{};  // "user@host:port/dbname"
    std::size_t connections = 0;
    std::size_t connecting = 0;  // on top of `connections`
    std::size_t idle = 0;        // of `connections`
    std::size_t in_flight = 0;   // operations sent and not yet answered
    std::size_t waiting = 0;     // operations without a connection
    std::chrono::milliseconds longest_wait{0};
    bool failing = false;                   // operations are refused at once
    bool retired = false;                   // another target took its place; it finishes what it carries
    std::string last_failure{};             // of connecting, in the server's words; empty after a success
    std::uint64_t opened = 0;               // connections since the pool was made
    std::chrono::milliseconds retry_in{0};  // until the next attempt to connect may be made
};

struct pool_totals {
    std::size_t budget = 0;
    std::size_t open = 0;  // connections, those being opened included
    std::size_t waiting = 0;
    std::size_t hungry = 0;  // databases that wait for room in the budget
    std::size_t failing = 0;
    std::uint64_t opened = 0, closed = 0, stolen = 0, timed_out_waiting = 0, connect_failures = 0,
                  refused = 0;  // as in pool_counters
};

struct pool_set_report {
    pool_totals totals{};
    std::vector<pool_report> pools{};
};

}  // namespace bulkhead::postgres
