// SPDX-License-Identifier: Apache-2.0
// "queue.retention": forgets finished jobs of a tenant that are old enough. A schedule makes it once a day.
#pragma once

#include <boost/describe.hpp>
#include <chrono>

#include "queue/handler.hpp"
#include "queue/schedule.hpp"

namespace bulkhead::queue {

struct retention_payload {};
BOOST_DESCRIBE_STRUCT(retention_payload, (), ())

struct retention_settings {
    std::chrono::milliseconds succeeded{std::chrono::hours(24) * 7};  // and cancelled
    std::chrono::milliseconds failed{std::chrono::hours(24) * 90};
    std::int64_t batch = 1'000;  // rows, so that no transaction is long
};

class retention {
public:
    using payload = retention_payload;
    static constexpr kind_rules kind{.name = "queue.retention",
                                     .lane = lane::bulk,
                                     .retry = {.attempts = 3},
                                     .time_limit = std::chrono::minutes(5)};

    explicit retention(retention_settings settings) : settings_(settings) {}

    /// The result says how many rows are gone.
    awaitable<run_outcome> run(job_context& job, payload what);

    [[nodiscard]] static schedule daily();

private:
    const retention_settings settings_;
};

}  // namespace bulkhead::queue
