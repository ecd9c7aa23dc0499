// SPDX-License-Identifier: Apache-2.0
#include "telemetry/otlp.hpp"

#include <fmt/format.h>

#include <iterator>

#include "base/json.hpp"
#include "base/version.hpp"
#include "telemetry/clean_text.hpp"

namespace bulkhead::telemetry {
namespace {

constexpr std::size_t longest_text = 1024;
constexpr int status_error = 2;  // STATUS_CODE_ERROR; a span that did not fail leaves its status unset

void append_text(std::string& out, std::string_view text) {
    append_json_string(out, clean_text(text, longest_text));
}

struct value_writer {
    std::string& out;
    void operator()(const std::string& text) const {
        out += R"({"stringValue":)";
        append_text(out, text);
        out += '}';
    }
    void operator()(std::int64_t number) const {
        fmt::format_to(std::back_inserter(out), R"({{"intValue":"{}"}})", number);
    }
    void operator()(bool flag) const { out += flag ? R"({"boolValue":true})" : R"({"boolValue":false})"; }
};

template <class Value>
void append_attribute(std::string& out, bool& first, std::string_view key, const Value& value) {
    if (!std::exchange(first, false)) out += ',';
    fmt::format_to(std::back_inserter(out), R"({{"key":"{}","value":)", key);
    value_writer{out}(value);
    out += '}';
}

void append_span(std::string& out, const trace::recorded& request, const trace::span& span) {
    const trace::hex_text id(span.id), parent(span.parent);
    const trace::hex_text trace(request.trace);
    fmt::format_to(std::back_inserter(out), R"({{"traceId":"{}","spanId":"{}",)", trace.view(), id.view());
    if (span.parent != trace::span_id{})
        fmt::format_to(std::back_inserter(out), R"("parentSpanId":"{}",)", parent.view());
    if (!request.state.empty()) {
        out += R"("traceState":)";
        append_json_string(out, request.state);
        out += ',';
    }
    out += R"("name":)";
    append_text(out, span.name);
    fmt::format_to(std::back_inserter(out),
                   R"(,"kind":{},"startTimeUnixNano":"{}","endTimeUnixNano":"{}","attributes":[)",
                   static_cast<int>(span.kind), span.start, span.end);
    bool first = true;
    for (const auto& each : span.attributes)
        std::visit([&](const auto& value) { append_attribute(out, first, each.key, value); }, each.value);
    out += "],\"status\":{";
    if (span.failed) fmt::format_to(std::back_inserter(out), R"("code":{})", status_error);
    out += "}}";
}

void append_resource(std::string& out, const trace_resource& from) {
    bool first = true;
    out += R"({"attributes":[)";
    append_attribute(out, first, "service.name", from.service_name);
    append_attribute(out, first, "service.version", from.service_version);
    append_attribute(out, first, "service.instance.id", from.instance);
    append_attribute(out, first, "host.name", from.host);
    append_attribute(out, first, "deployment.environment.name", from.environment);
    append_attribute(out, first, "telemetry.sdk.name", std::string("bulkhead"));
    append_attribute(out, first, "telemetry.sdk.language", std::string("cpp"));
    append_attribute(out, first, "telemetry.sdk.version", std::string(version_text));
    out += "]}";
}

}  // namespace

std::string otlp_traces(const trace_resource& from, std::span<const trace::recorded> requests) {
    std::string out = R"({"resourceSpans":[{"resource":)";
    append_resource(out, from);
    fmt::format_to(std::back_inserter(out),
                   R"(,"scopeSpans":[{{"scope":{{"name":"bulkhead","version":"{}"}},)", version_text);
    out += R"("spans":[)";
    bool first = true;
    for (const auto& request : requests)
        for (const auto& span : request.spans) {
            if (!std::exchange(first, false)) out += ',';
            append_span(out, request, span);
        }
    out += "]}]}]}";
    return out;
}

}  // namespace bulkhead::telemetry
