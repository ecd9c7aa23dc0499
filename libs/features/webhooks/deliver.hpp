// SPDX-License-Identifier: Apache-2.0
// The job that tells one webhook of one event: a signed POST, and a note of what came of it. What the
// receiver took may come again if we die before that is noted; its webhook-id is the same then. One for a
// reactor; see queue/handler.hpp.
#pragma once

#include "events/delivery_job.hpp"
#include "features/webhooks/delivery_log.hpp"
#include "features/webhooks/endpoints.hpp"
#include "outbound/http_client.hpp"
#include "queue/handler.hpp"

namespace bulkhead::webhooks {

struct delivery_settings {
    std::chrono::milliseconds disable_after{std::chrono::days(5)};  // of nothing but failures
};

class deliver {
public:
    using payload = events::delivery_payload;
    static constexpr queue::kind_rules kind = events::delivery_kind;

    /// Both must outlive this object.
    deliver(outbound::http_client& client, const endpoints& known, delivery_settings settings = {})
        : client_(client), known_(known), settings_(settings) {}

    awaitable<queue::run_outcome> run(queue::job_context& job, payload what);

private:
    awaitable<queue::run_outcome> call(queue::job_context& job, assignment what) const;
    awaitable<queue::run_outcome> accept_failure(queue::job_context& job, assignment what,
                                                 outbound::http_outcome call) const;
    awaitable<queue::run_outcome> leave(queue::job_context& job, std::string reason) const;

    outbound::http_client& client_;
    const endpoints& known_;
    const delivery_settings settings_;
};

}  // namespace bulkhead::webhooks
