// SPDX-License-Identifier: Apache-2.0
// What is counted of runs. Each reactor has one: its shard of the same series.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "observability/metrics.hpp"
#include "queue/handler.hpp"

namespace bulkhead::queue {

/// How a delivery ended.
enum class run_end : std::uint8_t {
    succeeded,
    failed,   // for good
    retried,  // it failed, and runs again
    cancelled,
    returned,   // to the queue, without an attempt lost: the worker stops, or cannot say how it ended
    postponed,  // it could not begin: its tenant is closed, its database away, its kind unknown here …
    lost,       // it is another worker's by now
    void_,      // there was nothing to be done: it had ended before
};
inline constexpr std::size_t run_ends = 8;
[[nodiscard]] std::string_view run_end_name(run_end what) noexcept;

class run_metrics {
public:
    /// The handlers are complete by now.
    run_metrics(metrics::registry& in, const handlers& known);

    void on_start(lane of, std::chrono::milliseconds waited);
    /// `kind`: what no handler is there for counts as "unknown".
    void on_end(std::string_view kind, run_end what, std::chrono::nanoseconds took);

    /// Runs that went on after their time limit and the grace behind it.
    metrics::counter& abandoned;
    /// Handlers that threw an exception.
    metrics::counter& threw;
    /// Jobs that were given up since too many workers died with them.
    metrics::counter& buried;
    /// What we said of deliveries that were not ours any more.
    metrics::counter& stale;
    /// Jobs that are under way, by lane.
    std::array<metrics::gauge*, lanes> running;

private:
    struct of_kind {
        std::array<metrics::counter*, run_ends> ends;
        metrics::histogram* took;
    };
    of_kind& find(std::string_view kind);

    std::array<metrics::histogram*, lanes> waited_;
    std::map<std::string, of_kind, std::less<>> kinds_;
};

[[nodiscard]] metrics::counter& buried_counter(metrics::registry& in);

}  // namespace bulkhead::queue
