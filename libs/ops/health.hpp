// SPDX-License-Identifier: Apache-2.0
// Is the process up, can it serve, and how are the things it depends on. Never asks one tenant's database: a
// sick tenant must not take the others out of rotation. One object per reactor.
#pragma once

#include <atomic>
#include <boost/describe.hpp>
#include <cstdint>
#include <string>

#include "http/endpoint.hpp"
#include "http/router.hpp"
#include "persistence/redis/client.hpp"
#include "schema/schema.hpp"
#include "tenancy/registry.hpp"

namespace bulkhead::ops {

/// What all reactors of a program share.
struct program_state {
    std::string environment;   // "production"
    std::int64_t schema_head;  // the control database must be at least here
    std::atomic<bool> draining = false;
};

struct health_report {
    std::string status;    // healthy, degraded (without Redis), unhealthy (without the control database)
    std::string database;  // connected, disconnected
    std::string redis;     // the same
    std::string environment;
    std::string version;
    utc_time timestamp;
};
BOOST_DESCRIBE_STRUCT(health_report, (), (status, database, redis, environment, version, timestamp))

struct liveness {
    std::string status;
};
BOOST_DESCRIBE_STRUCT(liveness, (), (status))

class health {
public:
    health(const program_state& state, tenancy::registry& control, redis::redis_client& redis)
        : state_(state), control_(control), redis_(redis) {}

    /// Asks both dependencies, each for at most a second.
    awaitable<health_report> report();

    /// Nothing when requests may come; else errc::unavailable with the reason.
    awaitable<result<>> ready();

private:
    awaitable<result<std::int64_t>> schema_version();

    const program_state& state_;
    tenancy::registry& control_;
    redis::redis_client& redis_;
};

/// GET /health, /health/live, /healthz, /health/ready, /readyz. Handlers use the service ops::health.
void mount_health(http::router& routes);

}  // namespace bulkhead::ops

/// 200, or 503 when unhealthy; the body is the same.
template <>
struct bulkhead::http::outcome<bulkhead::ops::health_report> {
    static response to_response(ops::health_report&& report);
    static void document(operation& op);
};
