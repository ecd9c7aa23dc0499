// SPDX-License-Identifier: Apache-2.0
// Sends what went wrong to Sentry, one envelope each, on a thread of its own. Whoever reports never waits:
// what does not fit into the queue is dropped and counted, as is everything while Sentry asks for a pause.
// put() is safe from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

#include "observability/metrics.hpp"
#include "telemetry/http_sender.hpp"
#include "telemetry/mailbox.hpp"
#include "telemetry/sentry_event.hpp"

namespace bulkhead::telemetry {

struct reporter_settings {
    send_target target{};  // with its X-Sentry-Auth
    report_origin origin{};
    std::size_t queue = 100;
    unsigned attempts = 3;  // for one report that nobody answers
    std::chrono::milliseconds retry_first{1'000};
};

class error_reporter {
public:
    /// `counts` must outlive it.
    error_reporter(reporter_settings settings, metrics::registry& counts);
    /// Stops at once, if nobody has stopped it before.
    ~error_reporter();
    error_reporter(const error_reporter&) = delete;
    error_reporter& operator=(const error_reporter&) = delete;

    void put(incident what);
    /// One more that is not worth sending.
    void count_alike() noexcept { alike_.add(); }

    /// Sends what waits for `patience` at most.
    void stop(std::chrono::milliseconds patience);

private:
    void run();
    void deliver(const incident& what);
    [[nodiscard]] bool paused() const noexcept;
    void tell(const send_result& outcome);

    const reporter_settings settings_;
    metrics::counter& sent_;
    metrics::counter& no_room_;
    metrics::counter& alike_;
    metrics::counter& refused_;
    metrics::counter& failed_;
    mailbox<incident> mailbox_;
    http_sender sender_;
    std::atomic<std::chrono::steady_clock::rep> paused_until_{0};
    bool well_ = true;  // of the thread: the last one was delivered
    std::thread thread_;
};

}  // namespace bulkhead::telemetry
