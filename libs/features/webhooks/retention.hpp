// SPDX-License-Identifier: Apache-2.0
// "webhook.retention": forgets deliveries of a tenant that are old enough, but none that is still to be made.
// A schedule makes it once a day. One for a reactor; see queue/handler.hpp.
#pragma once

#include <boost/describe.hpp>
#include <chrono>

#include "queue/handler.hpp"
#include "queue/schedule.hpp"

namespace bulkhead::webhooks {

struct retention_payload {};
BOOST_DESCRIBE_STRUCT(retention_payload, (), ())

class retention {
public:
    using payload = retention_payload;
    static constexpr queue::kind_rules kind{.name = "webhook.retention",
                                            .lane = queue::lane::bulk,
                                            .retry = {.attempts = 3},
                                            .time_limit = std::chrono::minutes(5)};

    /// `kept`: how long a delivery is remembered.
    explicit retention(std::chrono::milliseconds kept) : kept_(kept) {}

    /// The result says how many are gone.
    awaitable<queue::run_outcome> run(queue::job_context& job, payload what);

    [[nodiscard]] static queue::schedule daily();

private:
    const std::chrono::milliseconds kept_;
};

}  // namespace bulkhead::webhooks
