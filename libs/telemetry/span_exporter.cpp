// SPDX-License-Identifier: Apache-2.0
#include "telemetry/span_exporter.hpp"

#include <algorithm>

#include "base/thread.hpp"
#include "observability/log.hpp"
#include "runtime/backoff.hpp"

namespace bulkhead::telemetry {
namespace {

constexpr std::string_view spans_name = "bulkhead_trace_spans_total";

metrics::counter& count_of(metrics::registry& in, std::string_view result) {
    return in.add_counter(spans_name, "Spans by what became of them", metrics::label("result", result));
}

std::size_t spans_in(const std::vector<trace::recorded>& batch) {
    std::size_t out = 0;
    for (const auto& each : batch) out += each.spans.size();
    return out;
}

}  // namespace

span_exporter::span_exporter(exporter_settings settings, metrics::registry& counts)
    : settings_(std::move(settings)),
      exported_(count_of(counts, "exported")),
      no_room_(count_of(counts, "dropped_queue_full")),
      failed_(count_of(counts, "dropped_not_delivered")),
      mailbox_(settings_.queue_spans, settings_.batch_spans),
      sender_(settings_.target) {
    counts.add_gauge_sampler("bulkhead_trace_queue_spans", "Spans that wait to be exported",
                             [this] { return static_cast<double>(mailbox_.weight()); });
    thread_ = std::thread([this] { run(); });
}

span_exporter::~span_exporter() { stop({}); }

void span_exporter::put(trace::recorded request) {
    const auto spans = request.spans.size();
    if (!mailbox_.put(std::move(request), spans)) no_room_.add(spans);
}

void span_exporter::stop(std::chrono::milliseconds patience) {
    if (!thread_.joinable()) return;
    sender_.stop_by(std::chrono::steady_clock::now() + patience);
    mailbox_.close();
    thread_.join();
}

void span_exporter::run() {
    prepare_thread("spans");
    for (auto batch = mailbox_.take(settings_.linger); !batch.empty();
         batch = mailbox_.take(settings_.linger))
        deliver(batch);
}

void span_exporter::deliver(const std::vector<trace::recorded>& batch) {
    const auto body = otlp_traces(settings_.resource, batch);
    runtime::backoff waits(settings_.retry_first, settings_.retry_most);
    for (unsigned attempt = 1;; ++attempt) {
        const auto outcome = sender_.post("application/json", body);
        tell(outcome);
        if (outcome.accepted()) return exported_.add(spans_in(batch));
        if (attempt >= settings_.attempts || !outcome.may_be_repeated() ||
            !wait_before_next(outcome, waits.next()))
            return failed_.add(spans_in(batch));
    }
}

/// As long as the collector asks for, within reason. False: we are stopping.
bool span_exporter::wait_before_next(const send_result& failed, std::chrono::milliseconds usual) {
    constexpr std::chrono::milliseconds most{120'000};
    const std::chrono::milliseconds asked = failed.retry_after.value_or(std::chrono::seconds{0});
    return !mailbox_.wait_closed(std::chrono::steady_clock::now() + std::clamp(asked, usual, most));
}

/// Once when it begins to fail, once when it works again.
void span_exporter::tell(const send_result& outcome) {
    const bool well = outcome.accepted();
    if (well != std::exchange(well_, well)) {
        if (well)
            log::info("spans are exported again");
        else
            log::warn("spans cannot be exported", {{"reason", outcome.failure}});
    }
}

}  // namespace bulkhead::telemetry
