// SPDX-License-Identifier: Apache-2.0
#include "reports.hpp"

#include "runtime/deadline.hpp"
#include "service/report_settings.hpp"

namespace bulkhead::api {

reports::reports(const config::settings& s, metrics::registry& counts)
    : tracing_(!s.otlp_traces.url.empty(), s.trace_ratio) {
    if (!s.otlp_traces.url.empty()) spans_.emplace(exporter_.emplace(service::exporter_options(s), counts));
    if (!s.sentry.envelopes.url.empty()) errors_.emplace(service::reporter_options(s), counts);
}

void reports::stop(std::chrono::milliseconds patience) {
    const auto until = runtime::deadline::in(patience);
    if (errors_) errors_->stop(until.remaining());
    if (exporter_) exporter_->stop(until.remaining());
}

reactor_reports::reactor_reports(reports& all) : all_(all) {
    if (all_.errors_) errors_.emplace(*all_.errors_);
}

void reactor_reports::join(http::server_options& server) {
    server.applied.tracing = &all_.tracing_;
    if (all_.spans_) server.observers.push_back(&*all_.spans_);
    if (errors_) server.observers.push_back(&*errors_);
}

}  // namespace bulkhead::api
