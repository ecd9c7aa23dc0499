// SPDX-License-Identifier: Apache-2.0
#include "telemetry/otlp.hpp"

#include "base/json.hpp"
#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace bulkhead::telemetry;

namespace {

trace::recorded one_request() {
    trace::recorded out{.state = "a=1"};
    out.trace.fill(0xab);
    trace::span root{
        .kind = trace::span_kind::server, .name = "GET /\"x\"", .start = 1'700'000'000'000'000'001};
    root.end = root.start + 5;
    root.id.fill(1);
    root.parent.fill(2);
    root.set("http.response.status_code", std::int64_t{500});
    root.set("url.path", std::string("/\xff\x01"));
    root.set_flag("flag", true);
    root.failed = true;
    trace::span query{.parent = root.id, .kind = trace::span_kind::client, .name = "SELECT"};
    query.id.fill(3);
    trace::span lonely{.name = "x"};
    lonely.id.fill(4);
    out.spans = {query, lonely, root};
    return out;
}

}  // namespace

TEST_CASE("otlp: spans in the encoding that collectors read", "[telemetry]") {
    const std::array requests{one_request()};
    const auto text = otlp_traces({.service_name = "bulkhead-api", .environment = "test"}, requests);
    const auto document = parse_json(text);
    REQUIRE(document);
    const auto& resource = document->at("resourceSpans").at(0);
    CHECK(resource.at("resource").at("attributes").at(0) ==
          json::value({{"key", "service.name"}, {"value", {{"stringValue", "bulkhead-api"}}}}));
    const auto& spans = resource.at("scopeSpans").at(0).at("spans").as_array();
    REQUIRE(spans.size() == 3);
    CHECK(spans[0].at("parentSpanId") == "0101010101010101");
    CHECK(spans[0].at("kind") == 3);
    CHECK(spans[0].at("status").as_object().empty());
    CHECK(!spans[1].as_object().contains("parentSpanId"));
    const auto& root = spans[2];
    CHECK(root.at("traceId") == "abababababababababababababababab");
    CHECK(root.at("spanId") == "0101010101010101");
    CHECK(root.at("parentSpanId") == "0202020202020202");
    CHECK(root.at("traceState") == "a=1");
    CHECK(root.at("name") == "GET /\"x\"");
    CHECK(root.at("kind") == 2);
    CHECK(root.at("startTimeUnixNano") == "1700000000000000001");
    CHECK(root.at("endTimeUnixNano") == "1700000000000000006");
    CHECK(root.at("status").at("code") == 2);
    CHECK(root.at("attributes").at(0).at("value").at("intValue") == "500");
    CHECK(root.at("attributes").at(1).at("value").at("stringValue") == "/?\x01");
    CHECK(root.at("attributes").at(2).at("value").at("boolValue") == true);
}
