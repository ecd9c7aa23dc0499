// SPDX-License-Identifier: Apache-2.0
// Kept answers as they are stored: what comes back, and for whom. The flow around them is tested end to end.
#include "base/testing/catch.hpp"
#include "http/request_reader.hpp"
#include "tenancy/idempotency_records.hpp"

namespace bulkhead::tenancy {
namespace {

const uuid acme = *uuid::parse("0190c2a0-0000-7000-8000-00000000002a");
const uuid ada = *uuid::parse("0190c2a0-0000-7000-8000-00000000002b");

sealed_box box_of(char key) { return sealed_box(secret(std::string(32, key))); }

idempotent_request request(const std::string& target = "/api/tasks", std::string_view body = "{}",
                           const std::string& key = "k", uuid user = ada) {
    const http::limits bounds;
    const auto text = "POST " + target + " HTTP/1.1\r\nHost: x\r\nIdempotency-Key: " + key + "\r\n\r\n";
    http::request_head head;
    REQUIRE(http::request_reader(bounds).read_head(text, head).state == http::progress::complete);
    const http::services nothing;
    http::exchange x(head, nothing, "r1", {}, runtime::deadline::in(std::chrono::seconds(1)));
    x.set_body(body);
    auto what = idempotent_request::of(x, acme, user).value();
    what.operation = "createTask";  // outside a server no row says it
    return what;
}

http::response task_made() {
    http::response answer{.code = http::status::created, .body = R"({"title":"x"})"};
    answer.header("Location", "/api/tasks/1").header("ETag", "\"1\"").header("X-Of-This-Answer", "y");
    return answer;
}

std::string refusal(const idempotent_request& what, const kept_answer& kept, const sealed_box& box) {
    const auto answer = replay_answer(what, kept, box);
    return answer ? "none" : std::string(describe(answer.error().code).name);
}

TEST_CASE("kept answers: come back as they were", "[tenancy]") {
    const auto box = box_of('k');
    const auto kept = keep_answer(request(), task_made(), box);
    CHECK(kept.status == 201);
    CHECK(kept.sealed.find("title") == std::string::npos);
    const auto again = replay_answer(request(), kept, box).value();
    CHECK(again.code == http::status::created);
    CHECK(again.content() == task_made().body);
    const std::vector<std::pair<std::string_view, std::string>> wanted{
        {"Location", "/api/tasks/1"}, {"ETag", "\"1\""}, {"Idempotency-Replayed", "true"}};
    CHECK(again.headers == wanted);

    http::response many{.code = http::status::ok, .body = std::string("\n:\n\0x", 5)};
    many.header("Set-Cookie", "a=1").header("Set-Cookie", "b=:2").header("ETag", "");
    const auto both = replay_answer(request(), keep_answer(request(), many, box), box).value();
    CHECK(both.headers.size() == 4);
    CHECK(both.headers[1].second == "b=:2");
    CHECK(both.body == many.body);

    const http::response empty{.code = http::status::no_content};
    CHECK(replay_answer(request(), keep_answer(request(), empty, box), box)->code ==
          http::status::no_content);
}

TEST_CASE("kept answers: belong to one request", "[tenancy]") {
    const auto box = box_of('k');
    const auto kept = keep_answer(request(), task_made(), box);
    CHECK(refusal(request("/api/tasks", "{ }"), kept, box) == "idempotency-key-reused");
    CHECK(refusal(request("/api/tasks?x"), kept, box) == "idempotency-key-reused");
    CHECK(refusal(request("/api/tasks/1"), kept, box) == "idempotency-key-reused");
    // What was sealed for one key, user or tenant opens for no other, wherever somebody may have put it.
    CHECK(refusal(request("/api/tasks", "{}", "other"), kept, box) == "idempotency-answer-gone");
    CHECK(refusal(request("/api/tasks", "{}", "k", uuid{}), kept, box) == "idempotency-answer-gone");
    auto elsewhere = request();
    elsewhere.tenant = ada;
    CHECK(refusal(elsewhere, kept, box) == "idempotency-answer-gone");
}

TEST_CASE("kept answers: outlive a change of the key, and say so when they do not", "[tenancy]") {
    const auto kept = keep_answer(request(), task_made(), box_of('a'));
    const sealed_box after(secret(std::string(32, 'b')), secret(std::string(32, 'a')));
    CHECK(refusal(request(), kept, after) == "none");
    CHECK(refusal(request(), kept, box_of('b')) == "idempotency-answer-gone");
}

TEST_CASE("kept answers: of what is too large or no JSON, only that there was one", "[tenancy]") {
    const auto box = box_of('k');
    auto large = task_made();
    large.body = std::string(512 * 1024, 'x');
    CHECK(refusal(request(), keep_answer(request(), large, box), box) == "none");
    large.body += 'x';
    const auto kept = keep_answer(request(), large, box);
    CHECK(kept.sealed.size() < 200);
    CHECK(refusal(request(), kept, box) == "idempotency-answer-gone");
    CHECK(refusal(request("/api/tasks", "other"), kept, box) == "idempotency-key-reused");
    http::response page{.content_type = "text/html", .body = "<p>"};
    CHECK(refusal(request(), keep_answer(request(), page, box), box) == "idempotency-answer-gone");
}

TEST_CASE("kept answers: the fingerprint takes its parts as they are", "[tenancy]") {
    CHECK(request("/a?b").fingerprint.bytes == request("/a?b").fingerprint.bytes);
    CHECK(request("/a?b").fingerprint.bytes != request("/a", "b").fingerprint.bytes);
    CHECK(request("/ab").fingerprint.bytes != request("/a", "b\n").fingerprint.bytes);
    CHECK(request("/a", "x").fingerprint.bytes == request("/a", "x", "other", uuid{}).fingerprint.bytes);
}

}  // namespace
}  // namespace bulkhead::tenancy
