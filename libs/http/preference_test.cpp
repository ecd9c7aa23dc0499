// SPDX-License-Identifier: Apache-2.0
#include "http/preference.hpp"

#include "base/testing/catch.hpp"
#include "http/request_reader.hpp"

using namespace bulkhead;
using namespace bulkhead::http;
using namespace std::chrono_literals;

namespace {

/// What a request with these header lines asks for.
std::optional<std::chrono::seconds> wait_of(const std::string& lines) {
    const limits bounds;
    const auto text = "POST / HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n";
    request_head head;
    REQUIRE(request_reader(bounds).read_head(text, head).state == progress::complete);
    const services nothing;
    exchange x(head, nothing, "r1", {}, runtime::deadline::in(1s));
    return argument<wait_preference>::from(x)->granted;
}

}  // namespace

TEST_CASE("Prefer: wait among other preferences", "[http]") {
    CHECK(wait_of("Prefer: wait=10\r\n") == 10s);
    CHECK(wait_of("prefer: respond-async, WAIT = 7\r\n") == 7s);
    CHECK(wait_of("Prefer: foo; bar=\"a, wait=1\"; baz, wait=\"5\"; p=1\r\n") == 5s);
    CHECK(wait_of("Prefer: x=\"\\\", wait=1\"\r\nPrefer: wait=2\r\n") == 2s);
    CHECK(wait_of("Prefer: wait=3, wait=4\r\nPrefer: wait=5\r\n") == 3s);  // the first one counts
    CHECK(wait_of("Prefer: wait=0\r\n") == 0s);
}

TEST_CASE("Prefer: a longer wait than is granted", "[http]") {
    CHECK(wait_of("Prefer: wait=30\r\n") == 30s);
    CHECK(wait_of("Prefer: wait=31\r\n") == 30s);
    CHECK(wait_of("Prefer: wait=99999999999999999999999\r\n") == 30s);
}

TEST_CASE("Prefer: what is no wait", "[http]") {
    for (const auto* const line :
         {"", "Prefer: \r\n", "Prefer: wait\r\n", "Prefer: wait=\r\n", "Prefer: wait=-1\r\n",
          "Prefer: wait=1.5\r\n", "Prefer: wait=10s\r\n", "Prefer: waiting=5\r\n", "Prefer: \"wait=5\r\n",
          "Prefer: foo;wait=5\r\n", "X-Prefer: wait=5\r\n"})
        CHECK_FALSE(wait_of(line).has_value());
}
