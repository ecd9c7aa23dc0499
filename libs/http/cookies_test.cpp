// SPDX-License-Identifier: Apache-2.0
#include "http/cookies.hpp"

#include <stdexcept>

#include "base/testing/catch.hpp"
#include "http/testing/parsed_request.hpp"

using namespace bulkhead;
using namespace bulkhead::http;
using bulkhead::http::testing::parsed_request;
using namespace std::chrono_literals;

TEST_CASE("cookies: one is found among others, by its exact name", "[http]") {
    struct row {
        std::string lines;
        std::optional<std::string_view> value;
    };
    const row rows[] = {
        {"", std::nullopt},
        {"Cookie: t=1\r\n", "1"},
        {"cookie: a=b; t=1; c=d\r\n", "1"},
        {"Cookie: a=b;t=1\r\n", "1"},
        {"Cookie: a=b;  t = 1 ;\r\n", "1"},
        {"Cookie: a=b\r\nCookie: t=1\r\n", "1"},
        {"Cookie: t=\r\n", ""},
        {"Cookie: t=a=b\r\n", "a=b"},
        {"Cookie: T=1; xt=2; t; =t; tt=3\r\n", std::nullopt},
        {"Cookie: ; ; ;\r\n", std::nullopt},
        {"Cookie: a=\"t=1\"\r\n", std::nullopt},
        {"X-Cookie: t=1\r\n", std::nullopt},
    };
    for (const auto& [lines, value] : rows) {
        INFO(lines);
        const parsed_request request("GET", lines);
        const auto found = find_cookie(request.head(), "t");
        REQUIRE(found);
        REQUIRE(*found == value);
    }
}

TEST_CASE("cookies: of two with one name none is taken", "[http]") {
    for (const auto* const lines :
         {"Cookie: t=1; t=2\r\n", "Cookie: t=1; t=1\r\n", "Cookie: t=1\r\nCookie: t=2\r\n"}) {
        const parsed_request request("GET", lines);
        const auto found = find_cookie(request.head(), "t");
        REQUIRE(!found);
        REQUIRE(found.error().code == errc::malformed_request);
    }
}

TEST_CASE("cookies: set for this host, out of reach of scripts", "[http]") {
    REQUIRE(set_cookie({.name = "t", .value = "a.b-c_d", .max_age = 900s, .secure = false}) ==
            "t=a.b-c_d; Max-Age=900; Path=/; HttpOnly; SameSite=Lax");
    REQUIRE(set_cookie({.name = "__Host-t", .value = "1", .max_age = 15min, .secure = true}) ==
            "__Host-t=1; Max-Age=900; Path=/; HttpOnly; SameSite=Lax; Secure");
}

TEST_CASE("cookies: what no browser would keep is a bug", "[http]") {
    const std::string full(max_cookie_size - 1, 'x');
    REQUIRE_NOTHROW(set_cookie({.name = "t", .value = full, .max_age = 1s, .secure = false}));
    const std::string over = full + "x";
    for (const std::string_view bad :
         {std::string_view(over), std::string_view("a;b"), std::string_view("a b"),
          std::string_view("a\r\nb"), std::string_view("\"a\"")})
        REQUIRE_THROWS_AS(set_cookie({.name = "t", .value = bad, .max_age = 1s, .secure = false}),
                          std::logic_error);
    for (const auto* const name : {"", "a b", "a=b", "__Host-t"})
        REQUIRE_THROWS_AS(set_cookie({.name = name, .value = "1", .max_age = 1s, .secure = false}),
                          std::logic_error);
}
