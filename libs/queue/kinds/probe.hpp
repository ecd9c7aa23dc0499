// SPDX-License-Identifier: Apache-2.0
// Two kinds of jobs that do nothing, for operators: that they end shows that the queue works from end to end.
// "queue.probe" takes the way of a job in a tenant's database, "queue.ping" that of one in Redis alone.
#pragma once

#include <boost/describe.hpp>

#include "queue/handler.hpp"

namespace bulkhead::queue {

struct probe_payload {
    schema::or_default<schema::text<0, 200>> note;  // to recognise it by; it is the job's result
};
BOOST_DESCRIBE_STRUCT(probe_payload, (), (note))

class probe {
public:
    using payload = probe_payload;
    static constexpr kind_rules kind{.name = "queue.probe", .lane = lane::critical};
    awaitable<run_outcome> run(job_context& job, payload what);
};

class ping {
public:
    using payload = probe_payload;
    static constexpr kind_rules kind{
        .name = "queue.ping", .lane = lane::critical, .kept = durability::redis, .retry = {.attempts = 3}};
    awaitable<run_outcome> run(job_context& job, payload what);
};

}  // namespace bulkhead::queue
