// SPDX-License-Identifier: Apache-2.0
// POSTs to URLs that customers gave (webhooks), guarded as target.hpp says: no redirects, no cookies, no
// proxy of the environment, a new connection for every call, and no more of an answer than is needed. Any
// reactor may call; the work is done by the threads of a pool, as many at a time as it has. The client
// outlives the pool's work: stop the pool first.
#pragma once

#include <array>
#include <atomic>
#include <memory>

#include "observability/metrics.hpp"
#include "outbound/http_message.hpp"
#include "outbound/http_transfer.hpp"
#include "outbound/target.hpp"
#include "runtime/blocking_pool.hpp"
#include "runtime/deadline.hpp"

namespace bulkhead::outbound {

struct http_client_settings {
    target_rules rules{};
    transfer_limits limits{};
    std::string trust{};  // PEM file with the authorities to believe; empty: those of the system
    resolver resolve = resolve_by_system;
};

class http_client {
public:
    using clock = std::chrono::steady_clock;

    /// Throws std::runtime_error when the file in `settings.trust` is of no use.
    http_client(runtime::blocking_pool& threads, metrics::registry& registry, http_client_settings settings);
    http_client(const http_client&) = delete;
    http_client& operator=(const http_client&) = delete;

    /// What came of the call; resumes at the deadline at the latest. Errors are ours, not the customer's, and
    /// the call may be made again: errc::unavailable when the threads are busy or we are stopping;
    /// errc::internal for a header that cannot be sent.
    awaitable<result<http_outcome>> post(http_request request, runtime::deadline until);

    /// What is under way then is cut off within a second, and what comes later is refused. Any thread. A name
    /// server that does not answer still holds a thread: stop the pool with patience (stop_within).
    void stop_by(clock::time_point when) noexcept;

private:
    struct call;

    awaitable<void> work_on(std::shared_ptr<call> work);
    [[nodiscard]] http_outcome perform(call& work) const;
    [[nodiscard]] bool is_stopping() const noexcept;
    void count(const http_outcome& outcome);

    runtime::blocking_pool& threads_;
    const http_client_settings settings_;
    const trust_store trust_;
    std::atomic<clock::rep> end_{clock::time_point::max().time_since_epoch().count()};
    std::array<metrics::counter*, 7> ended_{};  // by `ending`
    metrics::histogram& durations_;
};

}  // namespace bulkhead::outbound
