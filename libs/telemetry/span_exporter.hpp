// SPDX-License-Identifier: Apache-2.0
// Sends spans to an OpenTelemetry collector, in batches, on a thread of its own. Whoever gives spans never
// waits for it: when the collector is slow or away, what does not fit into the queue is dropped and counted.
// put() is safe from any thread.
#pragma once

#include <chrono>
#include <thread>

#include "observability/metrics.hpp"
#include "observability/trace_recorder.hpp"
#include "telemetry/http_sender.hpp"
#include "telemetry/mailbox.hpp"
#include "telemetry/otlp.hpp"

namespace bulkhead::telemetry {

struct exporter_settings {
    send_target target{};
    trace_resource resource{};
    std::size_t queue_spans = 8192;  // about 8 MB when full
    std::size_t batch_spans = 512;
    std::chrono::milliseconds linger{5'000};       // what is not a batch waits so long
    std::chrono::milliseconds retry_first{1'000};  // waits between attempts double, with jitter, …
    std::chrono::milliseconds retry_most{30'000};  // … up to this
    unsigned attempts = 5;                         // for one batch
};

class span_exporter {
public:
    /// `counts` must outlive it.
    span_exporter(exporter_settings settings, metrics::registry& counts);
    /// Stops at once, if nobody has stopped it before.
    ~span_exporter();
    span_exporter(const span_exporter&) = delete;
    span_exporter& operator=(const span_exporter&) = delete;

    void put(trace::recorded request);

    /// Sends what waits, each batch once, for `patience` at most; what is left then is dropped.
    void stop(std::chrono::milliseconds patience);

private:
    void run();
    void deliver(const std::vector<trace::recorded>& batch);
    [[nodiscard]] bool wait_before_next(const send_result& failed, std::chrono::milliseconds usual);
    void tell(const send_result& outcome);

    const exporter_settings settings_;
    metrics::counter& exported_;
    metrics::counter& no_room_;
    metrics::counter& failed_;
    mailbox<trace::recorded> mailbox_;
    http_sender sender_;
    bool well_ = true;  // of the thread: the last delivery went through
    std::thread thread_;
};

}  // namespace bulkhead::telemetry
