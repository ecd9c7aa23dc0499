// SPDX-License-Identifier: Apache-2.0
// Tells Sentry of jobs that threw, when the settings name one: a few of a kind a minute. Outlives the
// reactors; `counts` outlives it. Safe from any thread.
#pragma once

#include <functional>
#include <mutex>
#include <optional>

#include "config/settings.hpp"
#include "observability/metrics.hpp"
#include "queue/job_run.hpp"
#include "telemetry/error_reporter.hpp"
#include "telemetry/report_limiter.hpp"

namespace bulkhead::worker {

class job_reports {
public:
    job_reports(const config::settings& s, metrics::registry& counts);

    /// Empty without a Sentry.
    [[nodiscard]] std::function<void(const queue::run_trouble&)> callback();

    /// Sends what waits, for `patience` at most.
    void stop(std::chrono::milliseconds patience);

private:
    void put(const queue::run_trouble& what);

    std::optional<telemetry::error_reporter> errors_;
    std::mutex guard_;  // of the limiter
    telemetry::report_limiter limiter_;
};

}  // namespace bulkhead::worker
