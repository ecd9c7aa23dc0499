// SPDX-License-Identifier: Apache-2.0
// Ends the span of every sampled request and gives all its spans away. Names are those of the OpenTelemetry
// conventions for HTTP servers. Never says what stands in a query, in a body or in a header that may be
// secret. One for all reactors.
#pragma once

#include "http/observer.hpp"
#include "telemetry/span_exporter.hpp"

namespace bulkhead::telemetry {

class request_spans final : public http::answer_observer {
public:
    explicit request_spans(span_exporter& to) : to_(to) {}

    void on_answer(const http::answered& what) override;

private:
    span_exporter& to_;
};

/// Names the request's own span. For on_answer and tests.
void describe_request(trace::span& into, const http::answered& what);

}  // namespace bulkhead::telemetry
