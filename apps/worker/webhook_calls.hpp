// SPDX-License-Identifier: Apache-2.0
// What the jobs of all reactors call webhooks with: a thread for each job that may run at a time, so that a
// receiver that takes its time keeps nobody waiting. Safe from any thread; stop it before the reactors.
#pragma once

#include "config/settings.hpp"
#include "features/webhooks/deliver.hpp"
#include "outbound/http_client.hpp"
#include "runtime/blocking_pool.hpp"

namespace bulkhead::worker {

class webhook_calls {
public:
    /// `at_a_time`: calls. `box` and `counts` must outlive this object.
    webhook_calls(const config::settings& from, const sealed_box& box, metrics::registry& counts,
                  std::size_t at_a_time);
    ~webhook_calls() { threads_.stop(); }
    webhook_calls(const webhook_calls&) = delete;
    webhook_calls& operator=(const webhook_calls&) = delete;

    [[nodiscard]] webhooks::deliver handler() { return {client_, known_, {.disable_after = disable_after_}}; }

    /// Calls that are under way then are cut off.
    void stop_by(outbound::http_client::clock::time_point when) noexcept { client_.stop_by(when); }
    /// False: a name server holds a thread; the process has to end as it is.
    bool stop_within(std::chrono::milliseconds patience) { return threads_.stop_within(patience); }

private:
    const std::chrono::milliseconds disable_after_;
    const webhooks::endpoints known_;
    runtime::blocking_pool threads_;
    outbound::http_client client_;
};

}  // namespace bulkhead::worker
