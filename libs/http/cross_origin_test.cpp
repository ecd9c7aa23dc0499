// SPDX-License-Identifier: Apache-2.0
#include "http/cross_origin.hpp"

#include "base/testing/catch.hpp"
#include "http/origin.hpp"
#include "http/testing/parsed_request.hpp"

using namespace bulkhead;
using namespace bulkhead::http;
using bulkhead::http::testing::parsed_request;

namespace {

const cors_policy friends({"https://app.example.com"});

bool passes(std::string_view method, std::string_view lines, bool secure = false) {
    const parsed_request request(method, lines, secure);
    const auto x = request.exchange();
    const auto done = check_same_origin(x, friends);
    if (!done) REQUIRE(done.error().code == errc::forbidden);
    return done.has_value();
}

std::string lines(std::string_view site, std::string_view origin) {
    std::string out;
    if (!site.empty()) out += "Sec-Fetch-Site: " + std::string(site) + "\r\n";
    if (!origin.empty()) out += "Origin: " + std::string(origin) + "\r\n";
    return out;
}

}  // namespace

TEST_CASE("cross origin: every combination of what browsers say", "[http]") {
    struct row {
        std::string_view site, origin;
        bool passes;
    };
    constexpr std::string_view own = "https://api.example.com", other = "https://evil.example",
                               sibling = "https://www.example.com", friendly = "https://app.example.com";
    const row rows[] = {
        {"same-origin", own, true},
        {"same-origin", "", true},
        {"none", "", true},
        {"none", own, true},
        {"same-site", sibling, false},
        {"same-site", "", false},
        {"cross-site", other, false},
        {"cross-site", "", false},
        {"cross-site", "null", false},
        {"cross-site", own, false},
        {"", own, true},
        {"", other, false},
        {"", sibling, false},
        {"", "null", false},
        {"", "", true},
        {"same-site", friendly, true},
        {"cross-site", friendly, true},
        {"", friendly, true},
        {"Same-Origin", own, false},
        {"nonsense", own, false},
        {"same-origin, none", own, false},
        {"", "https://api.example.com:8443", false},
        {"", "https://api.example.com:443", true},
        {"", "http://api.example.com:443", false},
        {"", "https://api.example.com.evil.example", false},
        {"", "https://API.example.com", true},
    };
    for (const auto& [site, origin, expected] : rows) {
        INFO(std::string(site) << " | " << std::string(origin));
        for (const auto* const method : {"POST", "PUT", "PATCH", "DELETE"})
            CHECK(passes(method, lines(site, origin)) == expected);
        for (const auto* const method : {"GET", "HEAD", "OPTIONS"})
            CHECK(passes(method, lines(site, origin)));
    }
}

TEST_CASE("cross origin: headers that come twice are no browser's", "[http]") {
    CHECK_FALSE(passes("POST", lines("same-origin", "") + lines("same-origin", "")));
    CHECK_FALSE(passes("POST", lines("", "https://api.example.com") + lines("", "https://api.example.com")));
    CHECK_FALSE(passes("POST", lines("", "https://app.example.com") + lines("", "https://app.example.com")));
}

TEST_CASE("cross origin: over TLS a page without it is another origin", "[http]") {
    CHECK(passes("POST", lines("", "http://api.example.com")));
    CHECK_FALSE(passes("POST", lines("", "http://api.example.com"), true));
    CHECK(passes("POST", lines("", "https://api.example.com"), true));
}

TEST_CASE("origin: own or not, default ports included", "[http]") {
    CHECK(is_own_origin("http://x", "x:80", false));
    CHECK(is_own_origin("http://x:8000", "x:8000", false));
    CHECK(is_own_origin("http://[::1]:8000", "[::1]:8000", false));
    CHECK_FALSE(is_own_origin("http://x", "x:443", false));
    CHECK_FALSE(is_own_origin("http://x:8000", "x:8001", false));
    CHECK_FALSE(is_own_origin("https://", "", false));
    CHECK_FALSE(is_own_origin("ftp://x", "x", false));
    CHECK_FALSE(is_own_origin("x", "x", false));
    CHECK_FALSE(is_own_origin("", "", false));
}
