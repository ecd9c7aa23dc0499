// SPDX-License-Identifier: Apache-2.0
#include "base/testing/catch.hpp"
#include "ratelimit/local_counts.hpp"

namespace bulkhead::ratelimit {
namespace {

using namespace std::chrono_literals;

constexpr milliseconds minute = 60s;
constexpr milliseconds start = 1'000'000'123ms;

/// How many of `asked` requests at one moment are counted.
int taken(sliding_window& in, int asked, std::int64_t limit, milliseconds now) {
    int out = 0;
    in.advance(now, minute);
    for (int i = 0; i < asked; ++i)
        if (!in.wait(limit, now, minute)) {
            in.count(now);
            ++out;
        }
    return out;
}

TEST_CASE("sliding window: as many as the limit allows, and again when the window has passed",
          "[ratelimit]") {
    sliding_window count;
    REQUIRE(taken(count, 10, 5, start) == 5);
    REQUIRE(taken(count, 10, 5, start + 59'999ms) == 0);
    REQUIRE(taken(count, 10, 5, start + 60s) == 5);
    REQUIRE(taken(count, 10, 5, start + 600s) == 5);
}

TEST_CASE("sliding window: the last window counts by what is still covered of it", "[ratelimit]") {
    sliding_window count;
    for (int i = 0; i <= 100; ++i) REQUIRE(taken(count, 1, 1000, start + i * 500ms) == 1);  // until 50 s
    REQUIRE(taken(count, 1000, 201, start + 60s) == 100);
    REQUIRE(taken(count, 1000, 201, start + 85s) == 50);  // half of the time in which they came has gone
    REQUIRE(taken(count, 1000, 201, start + 111s) == 51);
}

TEST_CASE("sliding window: after the time it tells one more request passes, and not before", "[ratelimit]") {
    for (const auto pause : {0ms, 1ms, 70ms, 333ms})
        for (const std::int64_t limit : {1, 2, 7, 100}) {
            sliding_window count;
            auto now = start;
            for (int round = 0; round < 30; ++round, now += pause)
                taken(count, 1 + static_cast<int>(limit) / 7, limit, now);
            count.advance(now, minute);
            const auto wait = count.wait(limit, now, minute);
            if (!wait) continue;
            CHECK(*wait <= minute);
            auto early = count;
            CHECK(taken(early, 1, limit, now + *wait - 2ms) == 0);
            CHECK(taken(count, 1, limit, now + *wait) == 1);
        }
}

TEST_CASE("sliding window: a limit that was lowered holds at once", "[ratelimit]") {
    sliding_window count;
    REQUIRE(taken(count, 25, 50, start) == 25);
    REQUIRE(taken(count, 25, 50, start + 10s) == 25);
    const auto wait = count.wait(5, start + 10s, minute);
    REQUIRE(wait);
    REQUIRE(taken(count, 1, 5, start + 10s + *wait) == 1);
}

TEST_CASE("sliding window: never more than the limit in any window of somebody who always asks",
          "[ratelimit]") {
    sliding_window count;
    std::vector<milliseconds> times;
    for (auto now = start; now < start + 10 * minute; now += 100ms)
        if (taken(count, 1, 60, now) == 1) times.push_back(now);
    for (std::size_t i = 60; i < times.size(); ++i) CHECK(times[i] - times[i - 60] >= minute - 1100ms);
    CHECK(times.size() >= 590);
}

TEST_CASE("sliding window: a clock that goes back gives nothing away", "[ratelimit]") {
    sliding_window count;
    REQUIRE(taken(count, 5, 5, start) == 5);
    REQUIRE(taken(count, 5, 5, start - 300s) == 0);
    REQUIRE(taken(count, 5, 5, start - 241s) == 0);
    REQUIRE(taken(count, 5, 5, start - 240s) == 5);
}

TEST_CASE("policy: what headers and the script say", "[ratelimit]") {
    const policy two("default", {{60, 60s}, {1000, 3600s}});
    CHECK(two.header() == R"("default";q=60;w=60, "default-1h";q=1000;w=3600)");
    CHECK(two.script_argument() == "60 60000 1000 3600000");
    CHECK(two.name_of(0) == "default");
    CHECK(two.name_of(1) == "default-1h");
    CHECK(key_of(two, "192.0.2.1") == "bh:rate:default:192.0.2.1");
    CHECK_FALSE(policy("auth", {}).limits());
    CHECK(policy("x", {{9'007'199'254'740'991, 60s}}).header() == R"("x";q=999999999999999;w=60)");
    CHECK_THROWS(policy("x", std::vector<window>(5, window{1, 1s})));
}

TEST_CASE("local counts: all windows of all subjects, or none", "[ratelimit]") {
    local_counts counts;
    const policy user("default", {{3, 60s}, {4, 3600s}}), tenant("tenant", {{5, 60s}});
    const auto ask = [&](std::string who, milliseconds now) {
        const subjects of{{&user, std::move(who)}, {&tenant, "t"}};
        return counts.check(of, now);
    };
    auto at = ask("a", start);
    CHECK(at.passes());
    CHECK(at.left == 2);
    CHECK(at.subject == 0);
    CHECK(at.window == 0);
    CHECK(at.reset == 60s);
    CHECK(ask("a", start).left == 1);
    CHECK(ask("a", start).left == 0);
    at = ask("a", start + 1s);
    CHECK_FALSE(at.passes());
    CHECK(at.wait == 59s);
    CHECK(at.reset == at.wait);
    at = ask("b", start + 1s);  // the tenant has had three
    CHECK(at.left == 1);
    CHECK(at.subject == 1);
    CHECK(ask("b", start + 1s).passes());
    at = ask("b", start + 1s);
    CHECK_FALSE(at.passes());
    CHECK(at.subject == 1);
    const subjects alone{{&user, "b"}};
    CHECK(counts.check(alone, start + 1s).left == 0);  // that one was not counted
    at = ask("a", start + 61s);
    CHECK(at.passes());
    CHECK(at.window == 1);
    at = ask("a", start + 62s);
    CHECK_FALSE(at.passes());
    CHECK(at.window == 1);
    CHECK(at.wait > 3500s);
    CHECK(counts.counted({&tenant, "t"}, start + 62s) >= 1);
    CHECK(counts.counted({&tenant, "nobody"}, start) == 0);
}

TEST_CASE("local counts: bounded, and whoever keeps coming is remembered", "[ratelimit]") {
    local_counts counts(100);
    const policy one("default", {{3, 60s}});
    const subjects busy{{&one, "busy"}};
    for (int i = 0; i < 3; ++i) REQUIRE(counts.check(busy, start).passes());
    for (int i = 0; i < 1000; ++i) {
        const subjects other{{&one, std::to_string(i)}};
        REQUIRE(counts.check(other, start).passes());
        REQUIRE_FALSE(counts.check(busy, start).passes());
        REQUIRE(counts.entries() <= 101);
    }
    CHECK(counts.entries() >= 50);
}

}  // namespace
}  // namespace bulkhead::ratelimit
