// SPDX-License-Identifier: Apache-2.0
#include "http/tracing.hpp"

#include <string>
#include <vector>

#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace bulkhead::http;

namespace {

const std::string sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const std::string unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

trace::beginning begin(double ratio, std::vector<header> lines, bool exports = true, bool quiet = false) {
    request_head head;
    for (const auto& line : lines) head.add(line);
    return request_tracing(exports, ratio).begin(head, quiet);
}

std::string trace_of(const trace::beginning& made) {
    return std::string(trace::hex_text(made.own.trace).view());
}

}  // namespace

TEST_CASE("tracing: the client's trace goes on, with a span of its own", "[http]") {
    const auto made =
        begin(0, {{"Host", "x"}, {"TraceParent", sampled}, {"tracestate", "a=1"}, {"Tracestate", "b=2"}});
    CHECK(trace_of(made) == "0af7651916cd43dd8448eb211c80319c");
    CHECK(made.own.sampled);
    REQUIRE(made.recording);
    const auto all = made.recording->take([](auto&) {});
    CHECK(all.state == "a=1,b=2");
    REQUIRE(all.spans.size() == 1);
    CHECK(trace::hex_text(all.spans[0].parent).view() == "b7ad6b7169203331");
    CHECK(all.spans[0].id == made.own.span);
    CHECK(trace::hex_text(made.own.span).view() != "b7ad6b7169203331");
}

TEST_CASE("tracing: the client's flag counts, then the ratio", "[http]") {
    CHECK(!begin(1, {{"traceparent", unsampled}}).recording);
    CHECK(trace_of(begin(1, {{"traceparent", unsampled}})) == "0af7651916cd43dd8448eb211c80319c");
    CHECK(begin(1, {}).recording);
    CHECK(!begin(0, {}).recording);
    CHECK(begin(0, {}).own.known());
}

TEST_CASE("tracing: a doubtful parent is none", "[http]") {
    const auto unknown_version = "ff" + sampled.substr(2);
    for (const auto& lines : {std::vector<header>{{"traceparent", sampled}, {"traceparent", sampled}},
                              std::vector<header>{{"traceparent", unknown_version}, {"tracestate", "a=1"}},
                              std::vector<header>{{"tracestate", "a=1"}}}) {
        const auto made = begin(1, lines);
        CHECK(trace_of(made) != "0af7651916cd43dd8448eb211c80319c");
        REQUIRE(made.recording);
        const auto all = made.recording->take([](auto&) {});
        CHECK(all.state.empty());
        CHECK(all.spans[0].parent == trace::span_id{});
    }
}

TEST_CASE("tracing: nothing is recorded that nobody takes, nor what is quiet", "[http]") {
    CHECK(!begin(1, {{"traceparent", sampled}}, false).recording);
    CHECK(!begin(1, {{"traceparent", sampled}}, true, true).recording);
    CHECK(begin(1, {}, false).own.known());
}
