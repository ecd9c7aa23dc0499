// SPDX-License-Identifier: Apache-2.0
// Gives every request its place in a trace (W3C Trace Context Level 2): a child of the span that the client
// names, else the first of a new trace. Read-only; one for all servers of a program, on any thread.
#pragma once

#include "http/request_head.hpp"
#include "observability/trace_recorder.hpp"

namespace bulkhead::http {

class request_tracing {
public:
    /// `exports`: somebody takes the spans; without that nothing is recorded. `ratio`: how many of the
    /// requests are sampled whose client says nothing about it, from 0 to 1.
    request_tracing(bool exports, double ratio) : exports_(exports), sampler_(ratio) {}

    /// The client's word counts: what it has sampled is recorded, what it has not is not. More than one
    /// traceparent is none (section 3.2). `quiet`: not worth recording whoever asks, like a probe.
    [[nodiscard]] trace::beginning begin(const request_head& head, bool quiet) const;

private:
    bool exports_;
    trace::sampler sampler_;
};

}  // namespace bulkhead::http
