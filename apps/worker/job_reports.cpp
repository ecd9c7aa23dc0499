// SPDX-License-Identifier: Apache-2.0
#include "job_reports.hpp"

#include <fmt/format.h>

#include "service/report_settings.hpp"

namespace bulkhead::worker {
namespace {

constexpr unsigned reports_a_minute = 5;

}  // namespace

job_reports::job_reports(const config::settings& s, metrics::registry& counts) {
    if (!s.sentry.envelopes.url.empty()) errors_.emplace(service::reporter_options(s), counts);
}

std::function<void(const queue::run_trouble&)> job_reports::callback() {
    if (!errors_) return {};
    return [this](const queue::run_trouble& what) { put(what); };
}

void job_reports::put(const queue::run_trouble& what) {
    const std::hash<std::string_view> hash;
    const auto kind = hash(what.kind) * 31 + hash(what.type);
    std::optional<std::uint64_t> held_back;
    {
        const std::lock_guard lock(guard_);
        held_back = limiter_.admit(kind, reports_a_minute, telemetry::report_limiter::clock::now());
    }
    if (!held_back) return errors_->count_alike();
    telemetry::incident out;
    out.when = utc_now();
    out.type = what.type;
    out.value = fmt::format("job {} of the kind {}, tenant {}: {}", what.id.to_string(), what.kind,
                            what.tenant, what.what);
    out.unreported = *held_back;
    errors_->put(std::move(out));
}

void job_reports::stop(std::chrono::milliseconds patience) {
    if (errors_) errors_->stop(patience);
}

}  // namespace bulkhead::worker
