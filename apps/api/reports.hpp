// SPDX-License-Identifier: Apache-2.0
// What leaves the program about its requests: spans for a collector and errors for Sentry, each only when the
// settings name a place for it.
#pragma once

#include <optional>

#include "config/settings.hpp"
#include "http/server.hpp"
#include "telemetry/error_reporter.hpp"
#include "telemetry/request_reports.hpp"
#include "telemetry/request_spans.hpp"
#include "telemetry/span_exporter.hpp"

namespace bulkhead::api {

/// One for the program; outlives the reactors and `counts` outlives it. Safe from any thread.
class reports {
public:
    reports(const config::settings& s, metrics::registry& counts);

    /// Sends what waits, for `patience` at most in all.
    void stop(std::chrono::milliseconds patience);

private:
    friend class reactor_reports;
    http::request_tracing tracing_;
    std::optional<telemetry::span_exporter> exporter_;
    std::optional<telemetry::request_spans> spans_;
    std::optional<telemetry::error_reporter> errors_;
};

/// The part of one reactor.
class reactor_reports {
public:
    explicit reactor_reports(reports& all);

    /// Makes a server trace and report; outlives it.
    void join(http::server_options& server);

private:
    reports& all_;
    std::optional<telemetry::request_reports> errors_;
};

}  // namespace bulkhead::api
