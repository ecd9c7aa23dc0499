// SPDX-License-Identifier: Apache-2.0
#include "base/testing/catch.hpp"
#include "ratelimit/credit.hpp"
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
    CHECK(key_of(two, "192.0.2.1") == "bh:{rate}:default:192.0.2.1");
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

TEST_CASE("credit: a small part of what is left, for a moment", "[ratelimit]") {
    credit book;
    const policy large("default", {{100'000, 60s}});
    const subjects of{{&large, "somebody"}};
    const credit::time now{1000s};
    CHECK_FALSE(book.spend(of, now));
    book.learn(of, {.left = 12'800, .reset = 30s}, now);
    for (int i = 1; i <= 50; ++i) {
        const auto at = book.spend(of, now + 5ms);
        REQUIRE(at);
        CHECK(at->left == 12'800 - i);
        CHECK(at->reset == 29'995ms);
    }
    CHECK_FALSE(book.spend(of, now + 5ms));
    auto debt = book.take();
    CHECK_FALSE(book.owes());
    CHECK(debt.count == 50);
    CHECK(debt.keys == std::vector<std::string>{"somebody"});
    CHECK(debt.rules == std::vector<std::string>{"100000 60000"});
    CHECK_FALSE(book.spend(of, now + 5ms));  // what is on its way is not counted yet
    book.settle(debt.name, {.left = 12'750, .reset = 29s}, now + 6ms);
    CHECK(book.spend(of, now + 56ms)->left == 12'749);
    CHECK_FALSE(book.spend(of, now + 57ms));  // too old
    const policy changed("default", {{90'000, 60s}});
    CHECK_FALSE(book.spend({{&changed, "somebody"}}, now + 56ms));
    debt = book.take();
    CHECK(book.spend(of, now + 56ms));
    book.forget(debt.name);
    CHECK_FALSE(book.spend(of, now + 56ms));
    CHECK_FALSE(book.owes());
}

TEST_CASE("credit: none for whoever is near a limit, and for more people than it knows", "[ratelimit]") {
    credit book;
    const policy large("default", {{100'000, 60s}});
    const credit::time now{1000s};
    const auto known = [&](const std::string& who, standing at, credit::time when) {
        const subjects of{{&large, who}};
        book.learn(of, at, when);
        return book.spend(of, when).has_value();
    };
    CHECK_FALSE(known("near", {.left = credit::least_left - 1, .reset = 1s}, now));
    CHECK_FALSE(known("over", {.wait = 1s, .left = 0, .reset = 1s}, now));
    for (std::size_t i = 0; i < credit::most_known; ++i) {
        const subjects of{{&large, std::to_string(i)}};
        book.learn(of, {.left = 50'000, .reset = 1s}, now);
    }
    CHECK(known("0", {.left = 50'000, .reset = 1s}, now));
    CHECK_FALSE(known("one more", {.left = 50'000, .reset = 1s}, now));
    CHECK(known("one more", {.left = 50'000, .reset = 1s}, now + 60ms));  // the others have not come back
    CHECK(book.owes());
    CHECK(book.take().name == "0");  // what is owed is not forgotten
}

}  // namespace
}  // namespace bulkhead::ratelimit
