// SPDX-License-Identifier: Apache-2.0
#include "auth/session_cookies.hpp"

#include "auth/user_context.hpp"
#include "base/testing/catch.hpp"
#include "http/testing/parsed_request.hpp"

using namespace bulkhead;
using bulkhead::auth::session_cookies;
using bulkhead::http::testing::parsed_request;
using namespace std::chrono_literals;

namespace {

const http::cors_policy friends({"https://app.example.com"});
const session_cookies near_by(false, friends), in_production(true, friends);

result<std::optional<std::string>> token_of(const session_cookies& cookies, std::string_view method,
                                            std::string_view lines, bool secure = false) {
    const parsed_request request(method, lines, secure);
    auto x = request.exchange();
    const auto found = cookies.token(x);
    if (!found) return std::unexpected(found.error());
    return found->transform([](std::string_view text) { return std::string(text); });
}

std::string set_by(const session_cookies& cookies, bool secure) {
    const parsed_request request("POST", "", secure);
    auto x = request.exchange();
    cookies.set(x, "abc", 900s);
    const auto headers = x.take_headers();
    REQUIRE(headers.size() == 1);
    REQUIRE(headers.front().first == "Set-Cookie");
    return headers.front().second;
}

constexpr auto plain_cookie = "Cookie: access_token=p\r\n", host_cookie = "Cookie: __Host-access_token=h\r\n";

}  // namespace

TEST_CASE("session cookies: bound to TLS and the host where there is TLS", "[auth]") {
    const auto plain = "access_token=abc; Max-Age=900; Path=/; HttpOnly; SameSite=Lax";
    const auto bound = "__Host-access_token=abc; Max-Age=900; Path=/; HttpOnly; SameSite=Lax; Secure";
    CHECK(set_by(near_by, false) == plain);
    CHECK(set_by(near_by, true) == bound);
    CHECK(set_by(in_production, false) == bound);
    CHECK(set_by(in_production, true) == bound);
}

TEST_CASE("session cookies: a plain one does not count over TLS", "[auth]") {
    CHECK(token_of(near_by, "GET", plain_cookie).value() == "p");
    CHECK(token_of(near_by, "GET", host_cookie).value() == std::nullopt);
    CHECK(token_of(near_by, "GET", plain_cookie, true).value() == std::nullopt);
    CHECK(token_of(near_by, "GET", host_cookie, true).value() == "h");
    CHECK(token_of(in_production, "GET", plain_cookie).value() == std::nullopt);
    CHECK(token_of(in_production, "GET", host_cookie).value() == "h");
    CHECK(token_of(near_by, "GET", "").value() == std::nullopt);
}

TEST_CASE("session cookies: writes only from our own pages", "[auth]") {
    const std::string cookie = plain_cookie;
    CHECK(token_of(near_by, "POST", cookie + "Sec-Fetch-Site: same-origin\r\n").value() == "p");
    CHECK(token_of(near_by, "POST", cookie).value() == "p");
    CHECK(token_of(near_by, "GET", cookie + "Sec-Fetch-Site: cross-site\r\n").value() == "p");
    const auto refused = token_of(near_by, "POST", cookie + "Sec-Fetch-Site: cross-site\r\n");
    REQUIRE(!refused);
    CHECK(refused.error().code == errc::forbidden);
    // Without the cookie there is nothing to abuse.
    CHECK(token_of(near_by, "POST", "Sec-Fetch-Site: cross-site\r\n").value() == std::nullopt);
}

TEST_CASE("session cookies: two are none", "[auth]") {
    const auto refused = token_of(near_by, "GET", "Cookie: access_token=a; access_token=b\r\n");
    REQUIRE(!refused);
    CHECK(refused.error().code == errc::unauthenticated);
}

TEST_CASE("user token: the header decides where there is one", "[auth]") {
    session_cookies cookies(false, friends);
    http::services provided;
    provided.add(cookies);
    const auto token = [&](std::string_view lines) -> std::string {
        const parsed_request request("POST", lines);
        http::exchange x(request.head(), provided, "r1", {}, runtime::deadline::in(1s));
        const auto found = auth::user_token(x);
        if (found) return std::string(*found);
        return found.error().code == errc::forbidden ? "forbidden" : "none";
    };
    const std::string cookie = plain_cookie, foreign = "Sec-Fetch-Site: cross-site\r\n";
    CHECK(token("Authorization: Bearer b\r\n") == "b");
    CHECK(token("Authorization: Bearer b\r\n" + cookie) == "b");
    CHECK(token("Authorization: Bearer b\r\n" + cookie + foreign) == "b");
    CHECK(token("Authorization: Basic b\r\n" + cookie) == "none");
    CHECK(token("Authorization: Bearer b\r\nAuthorization: Bearer b\r\n" + cookie) == "none");
    CHECK(token(cookie) == "p");
    CHECK(token(cookie + foreign) == "forbidden");
    CHECK(token("") == "none");
}
