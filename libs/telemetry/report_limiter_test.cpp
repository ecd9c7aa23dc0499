// SPDX-License-Identifier: Apache-2.0
#include "telemetry/report_limiter.hpp"

#include "base/testing/catch.hpp"
#include "telemetry/sentry_limits.hpp"

using namespace bulkhead::telemetry;
using namespace std::chrono_literals;

TEST_CASE("report limiter: a few a minute of each kind, and how many were held back", "[telemetry]") {
    report_limiter limiter;
    const auto now = report_limiter::clock::time_point(1h);
    CHECK(limiter.admit(1, 2, now) == 0);
    CHECK(limiter.admit(1, 2, now + 1s) == 0);
    CHECK(!limiter.admit(1, 2, now + 2s));
    CHECK(!limiter.admit(1, 2, now + 59s));
    CHECK(limiter.admit(2, 2, now + 59s) == 0);
    CHECK(limiter.admit(1, 2, now + 60s) == 2);
    CHECK(limiter.admit(1, 2, now + 61s) == 0);
}

TEST_CASE("report limiter: a flood of kinds is bounded", "[telemetry]") {
    report_limiter limiter;
    const auto now = report_limiter::clock::time_point(1h);
    for (std::uint64_t kind = 0; kind < report_limiter::most_kinds; ++kind) limiter.admit(kind, 1, now);
    CHECK(!limiter.admit(1'000'000, 1, now));
    CHECK(limiter.admit(1'000'000, 1, now + 60s) == 0);
}

TEST_CASE("sentry limits: what an answer says about the next report", "[telemetry]") {
    const auto limited = [](const char* limits, long status = 429) {
        return pause_after({.status = status, .retry_after = 7s, .rate_limits = limits});
    };
    CHECK(limited("60:error:organization") == 60s);
    CHECK(limited("60::organization") == 60s);
    CHECK(limited("60") == 60s);
    CHECK(limited("60:transaction:key, 2700:default;error;security:organization") == 2700s);
    CHECK(limited("60:transaction:key") == 0s);
    CHECK(limited("60:error", 200) == 60s);
    CHECK(limited("99999999999999:error") == 24h);
    CHECK(limited("x:error") == 0s);
    CHECK(limited("") == 7s);
    CHECK(pause_after({.status = 429}) == 60s);
    CHECK(pause_after({.status = 503, .retry_after = 7s}) == 0s);
    CHECK(pause_after({.status = 200}) == 0s);
}
