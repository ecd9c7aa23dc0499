// SPDX-License-Identifier: Apache-2.0
// Spans as an ExportTraceServiceRequest in OTLP's JSON encoding (opentelemetry-proto 1.x: identifiers in hex,
// 64-bit integers as strings, enums as numbers). Pure.
#pragma once

#include <span>
#include <string>

#include "observability/trace_recorder.hpp"

namespace bulkhead::telemetry {

/// What the spans come from.
struct trace_resource {
    std::string service_name{};
    std::string service_version{};
    std::string instance{};  // unique to this process
    std::string host{};
    std::string environment{};  // "production"
};

/// One request body with all spans of `requests`.
[[nodiscard]] std::string otlp_traces(const trace_resource& from, std::span<const trace::recorded> requests);

}  // namespace bulkhead::telemetry
