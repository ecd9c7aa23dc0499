// SPDX-License-Identifier: Apache-2.0
#include "telemetry/request_reports.hpp"

#include "base/testing/catch.hpp"
#include "http/exchange.hpp"
#include "telemetry/otlp.hpp"
#include "telemetry/request_spans.hpp"

using namespace bulkhead;
using namespace bulkhead::telemetry;

namespace {

/// One request that was answered. Every place that may hold a secret holds the canary.
struct scene {
    explicit scene(unsigned code, bool probe = false) {
        row.texts.probe = probe;
        head.method = http::verb::post;
        head.method_text = "POST";
        head.path = "/api/things/7";
        head.query = "token=canary";
        head.target = "/api/things/7?token=canary";
        head.host = "api.example";
        for (const auto* name : {"Authorization", "Cookie", "X-Api-Key", "Referer", "Proxy-Authorization"})
            head.add({name, "canary"});
        head.add({"User-Agent", "tests"});
        x.set_row(row);
        x.set_body("canary");
        answer.code = static_cast<http::status>(code);
        answer.body = "canary";
    }
    [[nodiscard]] http::answered answered() const {
        return {.head = head,
                .row = x.row(),
                .request_id = "r-1",
                .tenant = "acme",
                .user = "u-1",
                .answer = answer,
                .bytes = 10,
                .duration = {},
                .request = &x};
    }

    http::route row{http::verb::post,
                    "/api/things/{id}",
                    {.id = "makeThing", .summary = "", .tag = ""},
                    http::access::open,
                    nullptr,
                    nullptr};
    http::request_head head;
    http::services services;
    http::response answer;
    http::exchange x{head,
                     services,
                     "r-1",
                     {.client = boost::asio::ip::make_address("192.0.2.1")},
                     runtime::deadline::in({})};
};

unsigned news(unsigned code, bool served, bool probe = false) {
    scene s(code, probe);
    if (served) s.x.set_served();
    return reports_a_minute(s.answered());
}

}  // namespace

TEST_CASE("request reports: which answers are news", "[telemetry]") {
    CHECK(news(500, true) > news(503, true));
    CHECK(news(500, false) > 0);
    CHECK(news(503, true) > 0);
    CHECK(news(504, true) > 0);
    CHECK(news(503, false) == 0);  // refused before it was begun
    CHECK(news(503, true, true) == 0);
    for (const unsigned code : {200u, 404u, 422u, 429u, 501u}) CHECK(news(code, true) == 0);
}

TEST_CASE("request reports: a report tells who and where, and no secret", "[telemetry]") {
    scene s(500);
    s.x.set_failure({.type = "std::bad_alloc", .reason = "no memory"});
    const auto what = describe_failure(s.answered());
    CHECK(what.type == "std::bad_alloc");
    CHECK(what.value == "no memory");
    CHECK(what.request.url == "http://api.example/api/things/7");
    CHECK(what.request.route == "/api/things/{id}");
    CHECK(what.request.user == "u-1");
    CHECK(what.request.tenant == "acme");
    CHECK(what.request.headers.size() == 1);
    const auto envelope = sentry_envelope({}, what);
    CHECK(envelope.find("tests") != std::string::npos);
    CHECK(envelope.find("canary") == std::string::npos);
    CHECK(envelope.find("192.0.2.1") == std::string::npos);
}

TEST_CASE("request spans: the request is named after the conventions, without secrets", "[telemetry]") {
    scene s(503);
    trace::recorded all;
    describe_request(all.spans.emplace_back(), s.answered());
    const auto& span = all.spans.front();
    CHECK(span.name == "POST /api/things/{id}");
    CHECK(span.failed);
    const auto text = otlp_traces({}, {&all, 1});
    for (const auto* part : {R"("key":"http.request.method","value":{"stringValue":"POST"})",
                             R"("key":"http.route","value":{"stringValue":"/api/things/{id}"})",
                             R"("key":"http.response.status_code","value":{"intValue":"503"})",
                             R"("key":"url.path","value":{"stringValue":"/api/things/7"})",
                             R"("key":"client.address","value":{"stringValue":"192.0.2.1"})",
                             R"("key":"bulkhead.tenant.slug","value":{"stringValue":"acme"})",
                             R"("key":"error.type","value":{"stringValue":"503"})"})
        CHECK(text.find(part) != std::string::npos);
    CHECK(text.find("canary") == std::string::npos);
    scene fine(404);
    trace::span other;
    describe_request(other, fine.answered());
    CHECK(!other.failed);
}
