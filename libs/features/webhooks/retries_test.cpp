// SPDX-License-Identifier: Apache-2.0
#include "features/webhooks/retries.hpp"

#include "base/testing/catch.hpp"

using namespace bulkhead::webhooks;
using namespace std::chrono_literals;

TEST_CASE("retries: ten calls over a little more than three days", "[webhooks]") {
    CHECK(most_calls() == 10);
    std::chrono::milliseconds soonest{0}, latest{0};
    auto before = 0ms;
    for (unsigned call = 1; call < most_calls(); ++call) {
        const auto least = wait_after_call(call, 0, 0s);
        const auto most = wait_after_call(call, 0.999, 0s);
        REQUIRE(least.has_value());
        REQUIRE(most.has_value());
        CHECK(*least > before);
        CHECK(*most <= *least * 6 / 5);
        before = *least;
        soonest += *least;
        latest += *most;
    }
    CHECK(soonest > 72h);
    CHECK(latest < 96h);
    CHECK(!wait_after_call(most_calls(), 0, 0s));
    CHECK(!wait_after_call(0, 0, 0s));
}

TEST_CASE("retries: a receiver may ask for more patience, and not for less", "[webhooks]") {
    CHECK(wait_after_call(1, 0, 0s) == 5s);
    CHECK(wait_after_call(1, 0, 1s) == 5s);
    CHECK(wait_after_call(1, 0, 120s) == 120s);
    CHECK(wait_after_call(1, 0, 240h) == 24h);
}
