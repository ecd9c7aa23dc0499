// SPDX-License-Identifier: Apache-2.0
#include "http/cors.hpp"

#include "base/testing/catch.hpp"
#include "http/testing/parsed_request.hpp"

using namespace bulkhead;
using namespace bulkhead::http;
using bulkhead::http::testing::parsed_request;

namespace {

const cors_policy two({"https://app.example.com", "http://localhost:3000"});

std::string header_of(const response& answer, std::string_view name) {
    std::string out;
    for (const auto& [key, value] : answer.headers) {
        if (key != name) continue;
        REQUIRE(out.empty());
        out = value;
    }
    return out;
}

response marked(const cors_policy& policy, std::string_view lines) {
    const parsed_request request("GET", lines);
    response out;
    policy.mark(request.head(), out);
    return out;
}

constexpr auto asking = "Access-Control-Request-Method: DELETE\r\nAccess-Control-Request-Headers: x-evil\r\n";

}  // namespace

TEST_CASE("cors: a named origin reads the answer, with credentials", "[http]") {
    for (const auto* const origin : {"https://app.example.com", "http://localhost:3000"}) {
        const auto answer = marked(two, "Origin: " + std::string(origin) + "\r\n");
        CHECK(header_of(answer, "Access-Control-Allow-Origin") == origin);
        CHECK(header_of(answer, "Access-Control-Allow-Credentials") == "true");
        CHECK(header_of(answer, "Access-Control-Expose-Headers").find("X-Request-ID") != std::string::npos);
        CHECK(header_of(answer, "Vary") == "Origin");
    }
}

TEST_CASE("cors: nobody else does, and caches know that it depends", "[http]") {
    for (const std::string lines :
         {"", "Origin: null\r\n", "Origin:\r\n", "Origin: *\r\n",
          "Origin: https://app.example.com.evil.example\r\n", "Origin: https://evil.example\r\n",
          "Origin: http://app.example.com\r\n", "Origin: https://APP.example.com\r\n",
          "Origin: https://app.example.com:443\r\n", "Origin: https://app.example.com/\r\n",
          "Origin: https://xapp.example.com\r\n", "Origin: https://app.example.com, https://evil.example\r\n",
          "Origin: https://app.example.com\r\nOrigin: https://app.example.com\r\n",
          "Origin: http://localhost\r\n"}) {
        INFO(lines);
        const auto answer = marked(two, lines);
        REQUIRE(answer.headers.size() == 1);
        CHECK(header_of(answer, "Vary") == "Origin");
    }
}

TEST_CASE("cors: off, and for everybody", "[http]") {
    CHECK(marked(cors_policy(), "Origin: https://app.example.com\r\n").headers.empty());
    const cors_policy anybody({"*"});
    const auto answer = marked(anybody, "Origin: https://evil.example\r\n");
    CHECK(header_of(answer, "Access-Control-Allow-Origin") == "*");
    CHECK(header_of(answer, "Access-Control-Allow-Credentials").empty());
    CHECK(header_of(answer, "Vary").empty());
    CHECK(marked(anybody, "").headers.empty());
    CHECK_FALSE(anybody.trusts("https://evil.example"));
    CHECK_FALSE(anybody.trusts("*"));
}

TEST_CASE("cors: a browser asks first and is told what the path offers", "[http]") {
    const parsed_request request("OPTIONS", "Origin: https://app.example.com\r\n" + std::string(asking));
    auto answer = two.preflight(request.head(), "GET, HEAD, OPTIONS");
    REQUIRE(answer);
    two.mark(request.head(), *answer);
    CHECK(answer->code == status::no_content);
    CHECK(header_of(*answer, "Access-Control-Allow-Methods") == "GET, HEAD, OPTIONS");
    CHECK(header_of(*answer, "Access-Control-Max-Age") == "3600");
    CHECK(header_of(*answer, "Access-Control-Allow-Origin") == "https://app.example.com");
    CHECK(header_of(*answer, "Access-Control-Allow-Credentials") == "true");
    CHECK(header_of(*answer, "Access-Control-Allow-Private-Network").empty());
    CHECK(header_of(*answer, "Access-Control-Expose-Headers").empty());
    CHECK(header_of(*answer, "Vary") == "Origin");
    const auto headers = header_of(*answer, "Access-Control-Allow-Headers");
    CHECK(headers.find("Authorization") != std::string::npos);
    CHECK(headers.find("evil") == std::string::npos);
    CHECK(headers.find('*') == std::string::npos);
}

TEST_CASE("cors: what is no preflight goes its usual way", "[http]") {
    const std::string ours = "Origin: https://app.example.com\r\n";
    const parsed_request good("OPTIONS", ours + asking);
    CHECK_FALSE(two.preflight(good.head(), ""));  // no such path
    CHECK_FALSE(cors_policy().preflight(good.head(), "GET"));
    CHECK_FALSE(two.preflight(parsed_request("OPTIONS", ours).head(), "GET"));
    CHECK_FALSE(two.preflight(parsed_request("OPTIONS", asking).head(), "GET"));
    CHECK_FALSE(two.preflight(parsed_request("GET", ours + asking).head(), "GET"));
    CHECK_FALSE(two.preflight(
        parsed_request("OPTIONS", "Origin: https://evil.example\r\n" + std::string(asking)).head(), "GET"));
}
