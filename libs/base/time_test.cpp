// SPDX-License-Identifier: Apache-2.0
#include "base/time.hpp"

#include <limits>
#include <random>
#include <string>

#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace std::string_literals;
using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

/// As written again in UTC; "refused" when it does not parse.
std::string normal(std::string_view text) {
    const auto time = parse_rfc3339(text);
    return time ? to_rfc3339(*time) : "refused";
}

}  // namespace

TEST_CASE("time: RFC 3339 becomes UTC with milliseconds", "[base]") {
    const struct {
        std::string text, utc;
    } cases[] = {
        {"2026-01-31T09:30:00Z", "2026-01-31T09:30:00.000Z"},
        {"2026-01-31t09:30:00z", "2026-01-31T09:30:00.000Z"},
        {"2026-01-31T09:30:00.1Z", "2026-01-31T09:30:00.100Z"},
        {"2026-01-31T09:30:00.123456789Z", "2026-01-31T09:30:00.123Z"},
        {"2026-01-31T09:30:00.999999999Z", "2026-01-31T09:30:00.999Z"},
        {"2026-01-31T09:30:00+00:00", "2026-01-31T09:30:00.000Z"},
        {"2026-01-31T09:30:00-00:00", "2026-01-31T09:30:00.000Z"},
        {"2026-01-31T00:30:00+01:00", "2026-01-30T23:30:00.000Z"},
        {"2026-12-31T23:59:59-23:59", "2027-01-01T23:58:59.000Z"},
        {"2026-01-31T09:30:00+05:45", "2026-01-31T03:45:00.000Z"},
        {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"},
        {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000Z"},
        {"1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"},
        {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"},
        {"0001-01-01T01:00:00+01:00", "0001-01-01T00:00:00.000Z"},
        {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999Z"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.text);
        CHECK(normal(c.text) == c.utc);
    }
}

TEST_CASE("time: what is not RFC 3339 is refused", "[base]") {
    for (const std::string& text : {""s,
                                    "2026"s,
                                    "2026-01-31"s,
                                    "2026-01-31T09:30:00"s,
                                    "2026-01-31 09:30:00Z"s,
                                    "2026-01-31T09:30Z"s,
                                    "2026-01-31T09:30:00.Z"s,
                                    "2026-01-31T09:30:00,5Z"s,
                                    "2026-01-31T09:30:00.1234567890Z"s,
                                    "2026-01-31T09:30:00Zx"s,
                                    "2026-01-31T09:30:00Z "s,
                                    " 2026-01-31T09:30:00Z"s,
                                    "2026-01-31T09:30:00+0100"s,
                                    "2026-01-31T09:30:00+01"s,
                                    "2026-01-31T09:30:00 01:00"s,
                                    "2026-01-31T09:30:00+24:00"s,
                                    "2026-01-31T09:30:00+01:60"s,
                                    "2026-01-31T24:00:00Z"s,
                                    "2026-01-31T09:60:00Z"s,
                                    "2016-12-31T23:59:60Z"s,
                                    "2026-00-31T09:30:00Z"s,
                                    "2026-13-31T09:30:00Z"s,
                                    "2026-01-00T09:30:00Z"s,
                                    "2026-01-32T09:30:00Z"s,
                                    "2026-04-31T09:30:00Z"s,
                                    "2026-02-29T09:30:00Z"s,
                                    "1900-02-29T09:30:00Z"s,
                                    "0000-01-01T00:00:00Z"s,
                                    "-001-01-01T00:00:00Z"s,
                                    "+2026-01-31T09:30:00Z"s,
                                    "12026-01-31T09:30:00Z"s,
                                    "2026-1-31T09:30:00Z"s,
                                    "2026-01-31T9:30:00Z"s,
                                    "2026-01-31T09:30:-1Z"s,
                                    "20260131T093000Z"s,
                                    "now"s,
                                    "2026-01-31T09:30:00Z\0"s}) {
        CAPTURE(text);
        CHECK(normal(text) == "refused");
    }
}

TEST_CASE("time: an offset cannot lead out of the years 1 to 9999", "[base]") {
    CHECK(normal("0001-01-01T00:00:00+00:01") == "refused");
    CHECK(normal("9999-12-31T23:59:59-00:01") == "refused");
    CHECK(normal("9999-12-31T23:59:59+00:01") == "9999-12-31T23:58:59.000Z");
}

TEST_CASE("time: whatever is written parses to the same instant", "[base]") {
    std::mt19937_64 random(7);
    std::uniform_int_distribution<std::int64_t> any_ms(-62'135'596'800'000, 253'402'300'799'999);
    for (int i = 0; i < 2000; ++i) {
        const utc_time time{milliseconds(any_ms(random))};
        const auto text = to_rfc3339(time);
        CAPTURE(text);
        REQUIRE(text.size() == 24);
        CHECK(parse_rfc3339(text) == time);
    }
}

TEST_CASE("time: microseconds are kept when read", "[base]") {
    CHECK(parse_rfc3339("1970-01-01T00:00:00.000001Z") == utc_time{microseconds{1}});
    CHECK(parse_rfc3339("1969-12-31T23:59:59.999999Z") == utc_time{microseconds{-1}});
    CHECK(to_rfc3339(utc_time{microseconds{-1}}) == "1969-12-31T23:59:59.999Z");
    std::string out = "at ";
    append_rfc3339(out, utc_time{});
    CHECK(out == "at 1970-01-01T00:00:00.000Z");
}

TEST_CASE("time: HTTP dates", "[base]") {
    CHECK(to_http_date(*parse_rfc3339("1994-11-06T08:49:37.999Z")) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(to_http_date(utc_time{}) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(to_http_date(*parse_rfc3339("2024-02-29T23:59:59Z")) == "Thu, 29 Feb 2024 23:59:59 GMT");
}

TEST_CASE("time: durations", "[base]") {
    CHECK(parse_duration("250ms") == 250ms);
    CHECK(parse_duration("5s") == 5s);
    CHECK(parse_duration("5") == 5s);
    CHECK(parse_duration("0") == 0ms);
    CHECK(parse_duration("15m") == 15min);
    CHECK(parse_duration("1h") == 1h);
    CHECK(parse_duration("30d") == 720h);
    CHECK(parse_duration("9223372036854775807ms") == milliseconds::max());
    for (const auto* bad :
         {"", " ", "s", "-5s", "-0s", "-0", "+5s", "5 s", " 5s", "5s ", "5S", "5min", "1.5s", "1h30m", "0x5s",
          "9223372036854775808ms", "9223372036854775807s", "106751991168d"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_duration(bad));
    }
}

TEST_CASE("time: durations are written in the shortest way and read back", "[base]") {
    const struct {
        milliseconds value;
        std::string text;
    } cases[] = {{0ms, "0s"},    {1ms, "1ms"},  {1500ms, "1500ms"}, {1s, "1s"},   {60s, "1m"},  {90s, "90s"},
                 {15min, "15m"}, {60min, "1h"}, {24h, "1d"},        {25h, "25h"}, {720h, "30d"}};
    for (const auto& c : cases) {
        CAPTURE(c.text);
        CHECK(format_duration(c.value) == c.text);
        CHECK(parse_duration(c.text) == c.value);
    }
}
