// SPDX-License-Identifier: Apache-2.0
#include "http/tracing.hpp"

#include <optional>
#include <string>

#include "base/text.hpp"

namespace bulkhead::http {
namespace {

constexpr std::string_view parent_name = "traceparent", state_name = "tracestate";

std::optional<trace::context> parent_of(const request_head& head) {
    const auto value = head.find(parent_name);
    if (!value || head.count(parent_name) > 1) return std::nullopt;
    return trace::parse_traceparent(*value);
}

std::string state_of(const request_head& head) {
    std::string joined;
    for (const auto& line : head.headers()) {
        if (!iequals(line.name, state_name)) continue;
        if (!joined.empty()) joined += ',';
        joined += line.value;
    }
    return trace::clean_tracestate(joined);
}

}  // namespace

trace::beginning request_tracing::begin(const request_head& head, bool quiet) const {
    trace::beginning out;
    const auto parent = parent_of(head);
    if (parent) {
        out.own = *parent;
    } else {
        out.own.trace = trace::random_trace_id();
        out.own.random = true;
    }
    out.own.span = trace::random_span_id();
    out.own.sampled = exports_ && !quiet && (parent ? parent->sampled : sampler_.chooses(out.own.trace));
    if (out.own.sampled)
        out.recording = std::make_shared<trace::recorder>(out.own, parent ? parent->span : trace::span_id{},
                                                          parent ? state_of(head) : std::string{});
    return out;
}

}  // namespace bulkhead::http
