// SPDX-License-Identifier: Apache-2.0
// The jobs of the queue's benchmarks: they wait for as long as they are told, which is usually not at all,
// and tell that they have run. Shared by the program that enqueues (queue_load.cpp) and the worker that runs
// them (queue_worker.cpp).
#pragma once

#include <boost/describe.hpp>

#include <cstdint>
#include <string>

#include "queue/handler.hpp"

namespace bulkhead::bench {

struct bench_payload {
    schema::integer<0, 1'000'000'000> n;           // which one it is
    schema::integer<0, 9'000'000'000'000'000> at;  // when it should begin, us since 1970; 0: never mind
    schema::integer<0, 3'600'000> hold;            // how long it takes, ms
    schema::text<0, 100> text;
};
BOOST_DESCRIBE_STRUCT(bench_payload, (), (n, at, hold, text))

/// Whoever wants to know that jobs run. Called from any thread.
class audience {
public:
    virtual ~audience() = default;
    virtual void begins(const bench_payload& what, unsigned attempt) noexcept = 0;
    virtual void ends(const bench_payload& what, unsigned attempt) noexcept = 0;
};

template <queue::durability Kept>
class bench_job {
public:
    using payload = bench_payload;
    static constexpr queue::kind_rules kind{
        .name = Kept == queue::durability::redis ? "bench.light" : "bench.kept",
        .kept = Kept,
        .time_limit = std::chrono::minutes(10)};

    explicit bench_job(audience& who) : who_(who) {}
    awaitable<queue::run_outcome> run(queue::job_context& job, payload what);

private:
    audience& who_;
};
using light_job = bench_job<queue::durability::redis>;
using kept_job = bench_job<queue::durability::database>;

}  // namespace bulkhead::bench
