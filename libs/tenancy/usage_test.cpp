// SPDX-License-Identifier: Apache-2.0
#include "tenancy/usage.hpp"

#include "base/testing/catch.hpp"

namespace bulkhead::tenancy {
namespace {

using namespace std::chrono_literals;

constexpr auto minute = 60'000ms;
constexpr auto start = 600'000ms;  // of a window

/// How many of `asked` requests at one moment are counted.
int taken(sliding_count& count, int asked, std::int64_t limit, std::chrono::milliseconds now) {
    int out = 0;
    for (int i = 0; i < asked; ++i) out += count.take(limit, now, minute) ? 0 : 1;
    return out;
}

TEST_CASE("sliding count: as many as the limit allows, and again when the window has passed", "[tenancy]") {
    sliding_count count;
    REQUIRE(taken(count, 10, 5, start) == 5);
    REQUIRE(taken(count, 10, 5, start + 59'999ms) == 0);
    REQUIRE(taken(count, 10, 5, start + 120'000ms) == 5);
}

TEST_CASE("sliding count: the last window counts by what is still covered of it", "[tenancy]") {
    sliding_count count;
    REQUIRE(taken(count, 100, 100, start + 30s) == 100);
    REQUIRE(taken(count, 100, 100, start + 60s) == 0);
    REQUIRE(taken(count, 100, 100, start + 75s) == 25);
    REQUIRE(taken(count, 100, 100, start + 90s) == 25);
}

TEST_CASE("sliding count: after the time it tells one more request passes, and not before", "[tenancy]") {
    for (const auto at : {start, start + 1s, start + 59s})
        for (const std::int64_t limit : {1, 2, 7, 100}) {
            sliding_count count;
            REQUIRE(taken(count, 200, limit, at) == limit);
            const auto wait = count.take(limit, at, minute);
            REQUIRE(wait);
            REQUIRE(*wait <= 2 * minute);
            auto early = count;
            CHECK(early.take(limit, at + *wait - 2ms, minute));
            CHECK_FALSE(count.take(limit, at + *wait, minute));
        }
}

TEST_CASE("sliding count: a limit that was lowered holds at once", "[tenancy]") {
    sliding_count count;
    REQUIRE(taken(count, 50, 50, start) == 50);
    const auto wait = count.take(5, start, minute);
    REQUIRE(wait);
    REQUIRE_FALSE(count.take(5, start + *wait, minute));
}

TEST_CASE("sliding count: tells what it holds against the limit", "[tenancy]") {
    sliding_count count;
    REQUIRE(count.count(start, minute) == 0);
    REQUIRE(taken(count, 100, 50, start + 30s) == 50);
    REQUIRE(count.count(start + 59s, minute) == 50);
    REQUIRE(count.count(start + 75s, minute) == 38);  // three quarters of 50
    REQUIRE(taken(count, 2, 50, start + 75s) == 2);
    REQUIRE(count.count(start + 75s, minute) == 40);
    REQUIRE(count.count(start + 90s, minute) == 27);
    REQUIRE(count.count(start + 180s, minute) == 0);
}

TEST_CASE("sliding count: knows when it is of no use any more", "[tenancy]") {
    sliding_count count;
    count.take(5, start, minute);
    REQUIRE_FALSE(count.over(start + 119s, minute));
    REQUIRE(count.over(start + 120s, minute));
}

}  // namespace
}  // namespace bulkhead::tenancy
