// SPDX-License-Identifier: Apache-2.0
#include "features/webhooks/response_text.hpp"

#include "base/testing/catch.hpp"
#include "base/text.hpp"

using namespace bulkhead;
using namespace std::string_literals;
using webhooks::response_text;

TEST_CASE("webhooks: of an answer text is kept, whatever it is", "[webhooks]") {
    CHECK(response_text("").empty());
    CHECK(response_text("{\"ok\": \"\u00fc\u20ac\U0001f600\"}\r\n") ==
          "{\"ok\": \"\u00fc\u20ac\U0001f600\"}\r\n");
    CHECK(response_text("a\0b"s) == "a\ufffdb");
    CHECK(response_text("\x1f\x8b\xe2\x82") == "\x1f\ufffd\ufffd\ufffd");
    CHECK(response_text("\xed\xa0\x80") == "\ufffd\ufffd\ufffd");  // a surrogate
    CHECK(response_text("\xf8\x88") == "\ufffd\ufffd");
}

TEST_CASE("webhooks: what is kept of an answer is bounded, and cut between characters", "[webhooks]") {
    CHECK(response_text(std::string(16'384, 'x')) == std::string(webhooks::most_response_bytes, 'x'));
    std::string euros;
    for (int i = 0; i < 5'000; ++i) euros += "\u20ac";
    const auto kept = response_text(euros);
    CHECK(is_utf8(kept));
    CHECK(kept.size() == 2046);
    CHECK(response_text(std::string(16'384, '\0')).size() == 2046);
}
