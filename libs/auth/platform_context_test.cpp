// SPDX-License-Identifier: Apache-2.0
#include "auth/platform_context.hpp"

#include <type_traits>

#include "auth/user_context.hpp"
#include "base/testing/catch.hpp"
#include "http/request_reader.hpp"

using namespace bulkhead;
using namespace bulkhead::auth;

namespace {

const std::string token = "0123456789abcdef0123456789abcdef";

bool admits(const std::string& lines) {
    const http::limits bounds;
    const auto text = "GET / HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n";
    http::request_head head;
    REQUIRE(http::request_reader(bounds).read_head(text, head).state == http::progress::complete);
    const auto checked = platform_token(secret(token)).check(head);
    if (!checked) CHECK(checked.error().code == errc::unauthenticated);
    return checked.has_value();
}

}  // namespace

TEST_CASE("platform token: the whole token, once, as a bearer", "[auth]") {
    CHECK(admits("Authorization: Bearer " + token + "\r\n"));
    CHECK(admits("authorization: bearer   " + token + "\r\n"));
    for (const auto& lines :
         {std::string(), "Authorization: " + token, "Authorization: Basic " + token,
          "Authorization: Bearer " + token + "0", "Authorization: Bearer " + token.substr(1),
          "Authorization: Bearer " + token + " " + token, std::string("Authorization: Bearer"),
          "Authorization: Bearer " + std::string(32, '0'), "X-Authorization: Bearer " + token,
          "Authorization: Bearer " + token + "\r\nAuthorization: Bearer " + token})
        CHECK_FALSE(admits(lines.empty() ? lines : lines + "\r\n"));
}

// The doors stay shut for everybody but the request's context.
static_assert(!std::is_constructible_v<platform_context, platform_gate&, http::exchange&>);
static_assert(!std::is_default_constructible_v<platform_context>);
static_assert(!std::is_constructible_v<user_context, tenancy::tenant_context, access_claims>);
