// SPDX-License-Identifier: Apache-2.0
#include "telemetry/error_reporter.hpp"

#include <utility>

#include "base/thread.hpp"
#include "observability/log.hpp"
#include "runtime/backoff.hpp"
#include "telemetry/sentry_limits.hpp"

namespace bulkhead::telemetry {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds at_once{0};
constexpr std::chrono::milliseconds longest_wait{5'000};  // between attempts

metrics::counter& count_of(metrics::registry& in, std::string_view result) {
    return in.add_counter("bulkhead_error_reports_total", "Error reports by what became of them",
                          metrics::label("result", result));
}

}  // namespace

error_reporter::error_reporter(reporter_settings settings, metrics::registry& counts)
    : settings_(std::move(settings)),
      sent_(count_of(counts, "sent")),
      no_room_(count_of(counts, "dropped_queue_full")),
      alike_(count_of(counts, "dropped_alike")),
      refused_(count_of(counts, "dropped_rate_limited")),
      failed_(count_of(counts, "dropped_not_delivered")),
      mailbox_(settings_.queue, 1),
      sender_(settings_.target) {
    thread_ = std::thread([this] { run(); });
}

error_reporter::~error_reporter() { stop({}); }

void error_reporter::put(incident what) {
    if (paused()) return refused_.add();
    if (!mailbox_.put(std::move(what))) no_room_.add();
}

void error_reporter::stop(std::chrono::milliseconds patience) {
    if (!thread_.joinable()) return;
    sender_.stop_by(clock::now() + patience);
    mailbox_.close();
    thread_.join();
}

void error_reporter::run() {
    prepare_thread("reports");
    for (auto next = mailbox_.take(at_once); !next.empty(); next = mailbox_.take(at_once))
        for (const auto& each : next) deliver(each);
}

void error_reporter::deliver(const incident& what) {
    if (paused()) return refused_.add();
    const auto envelope = sentry_envelope(settings_.origin, what);
    runtime::backoff waits(settings_.retry_first, longest_wait);
    for (unsigned attempt = 1;; ++attempt) {
        const auto outcome = sender_.post("application/x-sentry-envelope", envelope);
        if (const auto pause = pause_after(outcome); pause > std::chrono::seconds{0})
            paused_until_.store((clock::now() + pause).time_since_epoch().count());
        tell(outcome);
        if (outcome.accepted()) return sent_.add();
        if (outcome.status == 429) return refused_.add();
        if (attempt >= settings_.attempts || !outcome.may_be_repeated() ||
            mailbox_.wait_closed(clock::now() + waits.next()))
            return failed_.add();
    }
}

bool error_reporter::paused() const noexcept {
    return clock::now().time_since_epoch().count() < paused_until_.load();
}

/// Once when it begins to fail, once when it works again.
void error_reporter::tell(const send_result& outcome) {
    const bool well = outcome.accepted();
    if (well != std::exchange(well_, well)) {
        if (well)
            log::info("error reports are delivered again");
        else
            log::warn("error reports cannot be delivered", {{"reason", outcome.failure}});
    }
}

}  // namespace bulkhead::telemetry
