// SPDX-License-Identifier: Apache-2.0
#include "queue/run_metrics.hpp"

namespace bulkhead::queue {
namespace {

constexpr std::string_view unknown_kind = "unknown";

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

/// A millisecond to an hour.
std::vector<double> job_bounds() {
    return {0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 900, 3600};
}

}  // namespace

std::string_view run_end_name(run_end what) noexcept {
    constexpr std::array<std::string_view, run_ends> names{"succeeded", "failed",    "retried", "cancelled",
                                                           "returned",  "postponed", "lost",    "void"};
    return names[static_cast<std::size_t>(what)];
}

metrics::counter& buried_counter(metrics::registry& in) {
    return in.add_counter("bulkhead_jobs_buried_total",
                          "Jobs that failed for good since too many workers died with them.");
}

run_metrics::run_metrics(metrics::registry& in, const handlers& known)
    : abandoned(in.add_counter("bulkhead_jobs_abandoned_total",
                               "Runs that went on although their time was up and they were asked to end.")),
      threw(in.add_counter("bulkhead_jobs_exceptions_total", "Runs that ended with an exception.")),
      buried(buried_counter(in)),
      stale(in.add_counter("bulkhead_jobs_stale_settlements_total",
                           "Ends of runs that Redis did not want to know, since the lease was lost.")) {
    for (std::size_t i = 0; i < lanes; ++i) {
        const auto label = metrics::label("lane", lane_name(static_cast<lane>(i)));
        running[i] = &in.add_gauge("bulkhead_jobs_running", "Jobs under way in this process.", label);
        waited_[i] =
            &in.add_histogram("bulkhead_job_wait_seconds",
                              "From the moment a job could have begun until it did.", job_bounds(), label);
    }
    const auto add = [&](std::string_view kind, lane of) {
        auto& entry = kinds_[std::string(kind)];
        const auto label = metrics::label("kind", kind);
        for (std::size_t i = 0; i < run_ends; ++i)
            entry.ends[i] = &in.add_counter(
                "bulkhead_jobs_total", "Runs of jobs by how they ended.",
                label + "," + metrics::label("outcome", run_end_name(static_cast<run_end>(i))));
        entry.took = &in.add_histogram("bulkhead_job_run_seconds", "How long runs took.", job_bounds(),
                                       label + "," + metrics::label("lane", lane_name(of)));
    };
    for (const auto& [name, one] : known) add(name, one.rules.lane);
    if (!known.find(unknown_kind)) add(unknown_kind, lane::normal);
}

run_metrics::of_kind& run_metrics::find(std::string_view kind) {
    const auto it = kinds_.find(kind);
    return it == kinds_.end() ? kinds_.find(unknown_kind)->second : it->second;
}

void run_metrics::on_start(lane of, std::chrono::milliseconds waited) {
    waited_[static_cast<std::size_t>(of)]->observe(seconds(waited));
}

void run_metrics::on_end(std::string_view kind, run_end what, std::chrono::nanoseconds took) {
    auto& entry = find(kind);
    entry.ends[static_cast<std::size_t>(what)]->add();
    if (what != run_end::postponed && what != run_end::void_) entry.took->observe(seconds(took));
}

}  // namespace bulkhead::queue
