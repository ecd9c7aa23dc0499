// SPDX-License-Identifier: Apache-2.0
#include "http/response.hpp"

#include <stdexcept>

#include "base/testing/catch.hpp"
#include "http/problem.hpp"
#include "http/request_id.hpp"
#include "http/vary.hpp"

using namespace bulkhead;
using namespace bulkhead::http;

namespace {

std::string bytes_of(const response& answer, framing how = {.request_id = "r1"}) {
    std::string out;
    append_response(out, answer, how);
    return out;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("response: status line, length, id and content", "[http]") {
    const auto text = bytes_of({.body = "{}"});
    REQUIRE(text.starts_with("HTTP/1.1 200 OK\r\nDate: "));
    REQUIRE(contains(text, "Content-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n"));
    REQUIRE(contains(text, "X-Request-ID: r1\r\n"));
    REQUIRE(contains(text, "X-Content-Type-Options: nosniff\r\n"));
    REQUIRE(contains(text, "Cache-Control: no-store\r\n"));
    REQUIRE(text.ends_with("\r\n\r\n{}"));
    REQUIRE_FALSE(contains(text, "Connection:"));
}

TEST_CASE("response: HEAD announces the content that it does not send", "[http]") {
    const auto text = bytes_of({.body = "{}"}, {.head_request = true, .request_id = "r1"});
    REQUIRE(contains(text, "Content-Length: 2\r\n"));
    REQUIRE(text.ends_with("\r\n\r\n"));
}

TEST_CASE("response: statuses without content have no length", "[http]") {
    for (auto code : {status::no_content, status::not_modified}) {
        const auto text = bytes_of({.code = code, .body = "never sent"});
        REQUIRE_FALSE(contains(text, "Content-Length"));
        REQUIRE(text.ends_with("\r\n\r\n"));
    }
}

TEST_CASE("response: a 205 says that nothing follows", "[http]") {
    const auto text = bytes_of({.code = status::reset_content, .body = "never sent"});
    REQUIRE(contains(text, "Content-Length: 0\r\n"));
    REQUIRE(text.ends_with("\r\n\r\n"));
}

TEST_CASE("response: what an answer says itself is not said twice", "[http]") {
    response page;
    page.header("Cache-Control", "no-cache");
    const auto text = bytes_of(page);
    REQUIRE(contains(text, "Cache-Control: no-cache\r\n"));
    REQUIRE_FALSE(contains(text, "no-store"));
    REQUIRE(contains(text, "Content-Security-Policy: default-src 'none'"));
}

TEST_CASE("response: browsers are told not to guess, embed or keep it, each once", "[http]") {
    response page;
    page.header("Content-Security-Policy", "default-src 'self'").header("X-Frame-Options", "SAMEORIGIN");
    for (const auto& answer : {response{}, response{.code = status::not_modified}, page}) {
        const auto text = bytes_of(answer);
        for (std::string_view name :
             {"Cache-Control", "Content-Security-Policy", "Cross-Origin-Embedder-Policy",
              "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Origin-Agent-Cluster",
              "Permissions-Policy", "Referrer-Policy", "X-Content-Type-Options", "X-DNS-Prefetch-Control",
              "X-Download-Options", "X-Frame-Options", "X-Permitted-Cross-Domain-Policies",
              "X-XSS-Protection"}) {
            INFO(std::string(name));
            const auto line = "\r\n" + std::string(name) + ": ";
            const auto at = text.find(line);
            REQUIRE(at != text.npos);
            REQUIRE(text.find(line, at + 1) == text.npos);
        }
        REQUIRE(text.find("\r\n\r\n") == text.size() - 4);
        REQUIRE_FALSE(contains(text, "Server:"));
    }
    REQUIRE(contains(bytes_of(page), "X-Frame-Options: SAMEORIGIN\r\n"));
}

TEST_CASE("response: TLS is insisted on where there is TLS", "[http]") {
    response page;
    page.header("Cache-Control", "no-cache");
    for (const auto& answer : {response{}, page}) {
        REQUIRE_FALSE(contains(bytes_of(answer), "Strict-Transport-Security"));
        REQUIRE(contains(bytes_of(answer, {.secure = true, .request_id = "r1"}),
                         "\r\nStrict-Transport-Security: max-age=63072000; includeSubDomains\r\n"));
    }
}

TEST_CASE("vary: everybody's words are joined, each once", "[http]") {
    response answer;
    vary_on(answer, "Origin");
    vary_on(answer, "Accept-Encoding, origin");
    vary_on(answer, "Origin,Sec-Fetch-Site");
    REQUIRE(answer.headers.size() == 1);
    REQUIRE(answer.headers.front().second == "Origin, Accept-Encoding, Sec-Fetch-Site");
    response any;
    any.header("Vary", "*");
    vary_on(any, "Origin");
    REQUIRE(any.headers.front().second == "*");
}

TEST_CASE("response: connection header follows the request's version", "[http]") {
    REQUIRE(contains(bytes_of({}, {.version_minor = 0, .keep_alive = true, .request_id = "r"}),
                     "Connection: keep-alive\r\n"));
    REQUIRE(contains(bytes_of({}, {.keep_alive = false, .request_id = "r"}), "Connection: close\r\n"));
}

TEST_CASE("response: a header cannot smuggle a line", "[http]") {
    response evil;
    evil.header("Location", "/x\r\nSet-Cookie: a=b");
    REQUIRE_THROWS_AS(bytes_of(evil), std::logic_error);
}

TEST_CASE("problem: every error has a document with its own type", "[http]") {
    for (const auto& row : all_error_descriptions()) {
        const auto answer = problem_response({.code = row.code}, "r\"1");
        REQUIRE(static_cast<unsigned>(answer.code) == row.status);
        REQUIRE(contains(answer.body, "\"type\":\"/problems/" + std::string(row.name) + "\""));
        REQUIRE(contains(answer.body, "\"request_id\":\"r\\\"1\""));
        REQUIRE((row.status == 401) == contains(bytes_of(answer), "WWW-Authenticate: Bearer"));
        REQUIRE((row.status == 503) == contains(bytes_of(answer), "Retry-After: 1\r\n"));
    }
}

TEST_CASE("problem: fields carry pointer, code and detail", "[http]") {
    error failure{.code = errc::validation_failed};
    failure.fields.push_back({"/title", "too_long", "at most 200"});
    REQUIRE(contains(problem_response(failure, "r").body,
                     R"("errors":[{"pointer":"/title","code":"too_long","detail":"at most 200"}])"));
}

TEST_CASE("request id: sane ones are kept, others replaced", "[http]") {
    std::string id;
    choose_request_id(id, "abc-123.X_y:z+");
    REQUIRE(id == "abc-123.X_y:z+");
    for (std::string bad : {std::string(), std::string("a b"), std::string("a\"b"), std::string("\xc3\xa4"),
                            std::string(129, 'a')}) {
        choose_request_id(id, bad);
        REQUIRE(id.size() == 36);
    }
    choose_request_id(id, std::nullopt);
    REQUIRE(id.size() == 36);
}
