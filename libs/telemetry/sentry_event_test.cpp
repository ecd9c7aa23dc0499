// SPDX-License-Identifier: Apache-2.0
#include "telemetry/sentry_event.hpp"

#include "base/json.hpp"
#include "base/testing/catch.hpp"
#include "base/text.hpp"

using namespace bulkhead;
using namespace bulkhead::telemetry;

namespace {

struct envelope {
    json::value header, item, event;
};

envelope read(const std::string& text) {
    const auto lines = split(text, '\n');
    REQUIRE(lines.size() == 4);
    REQUIRE(lines[3].empty());
    envelope out{*parse_json(lines[0]), *parse_json(lines[1]), *parse_json(lines[2])};
    CHECK(out.item.at("length") == lines[2].size());
    return out;
}

const report_origin here{.release = "bulkhead@1", .environment = "test", .server_name = "host"};

}  // namespace

TEST_CASE("sentry event: a failed request", "[telemetry]") {
    incident what{
        .when = *parse_rfc3339("2026-01-02T03:04:05.678Z"), .type = "std::runtime_error", .value = "a\nb"};
    auto& about = what.request;
    about = {.method = "GET", .url = "http://x/api/tasks/1", .route = "/api/tasks/{id}"};
    about.headers = {{"Accept", "\xff"}};
    about.status = 500;
    about.id = "req-1";
    about.tenant = "acme";
    about.user = "u-1";
    about.trace.trace.fill(0xab);
    about.trace.span.fill(1);
    const auto sent = read(sentry_envelope(here, what));
    CHECK(sent.item.at("type") == "event");
    const auto& event = sent.event;
    CHECK(event.at("event_id") == sent.header.at("event_id"));
    CHECK(event.at("event_id").as_string().size() == 32);
    CHECK(event.at("timestamp") == "2026-01-02T03:04:05.678Z");
    CHECK(event.at("level") == "error");
    CHECK(event.at("release") == "bulkhead@1");
    CHECK(event.at("environment") == "test");
    CHECK(event.at("server_name") == "host");
    CHECK(event.at("transaction") == "GET /api/tasks/{id}");
    CHECK(
        event.at("tags") ==
        json::value(
            {{"tenant", "acme"}, {"route", "/api/tasks/{id}"}, {"request_id", "req-1"}, {"status", "500"}}));
    CHECK(event.at("user") == json::value({{"id", "u-1"}}));
    CHECK(event.at("request").at("url") == "http://x/api/tasks/1");
    CHECK(event.at("request").at("headers").at("Accept") == "?");
    CHECK(event.at("contexts").at("trace").at("trace_id") == "abababababababababababababababab");
    CHECK(event.at("contexts").at("trace").at("span_id") == "0101010101010101");
    const auto& exception = event.at("exception").at("values").at(0);
    CHECK(exception.at("type") == "std::runtime_error");
    CHECK(exception.at("value") == "a\nb");
    CHECK(exception.at("mechanism").at("handled") == true);
    CHECK(!event.as_object().contains("extra"));
    CHECK(!event.as_object().contains("debug_meta"));
}

TEST_CASE("sentry event: a crash", "[telemetry]") {
    incident what{
        .when = utc_now(), .level = "fatal", .type = "SIGSEGV", .value = "at 0x0", .thread = "api0"};
    what.frames = {{.address = 0x1010, .image = 0x1000, .file = "/bin/x", .function = "inner()"},
                   {.address = 0x1020, .image = 0x1000, .file = "/bin/x", .function = "outer()"}};
    what.images = {{.address = 0x1000, .size = 0x100, .file = "/bin/x", .build_id = "abcd"}};
    const auto event = read(sentry_envelope(here, what)).event;
    CHECK(event.at("level") == "fatal");
    CHECK(event.at("platform") == "native");
    CHECK(!event.as_object().contains("request"));
    CHECK(!event.as_object().contains("user"));
    const auto& exception = event.at("exception").at("values").at(0);
    CHECK(exception.at("mechanism").at("handled") == false);
    const auto& frames = exception.at("stacktrace").at("frames");
    CHECK(frames.at(0).at("function") == "outer()");
    CHECK(frames.at(1).at("instruction_addr") == "0x1010");
    CHECK(event.at("debug_meta").at("images").at(0).at("code_id") == "abcd");
}
