// SPDX-License-Identifier: Apache-2.0
#include "observability/distinct_sketch.hpp"

#include <cmath>
#include <random>

#include "base/testing/catch.hpp"

using bulkhead::metrics::distinct_sketch;

TEST_CASE("distinct sketch: what is seen again does not count", "[metrics]") {
    distinct_sketch seen;
    REQUIRE(seen.estimate() == 0);
    std::mt19937_64 random(1);
    const auto one = random();
    for (int i = 0; i < 1000; ++i) seen.add(one);
    REQUIRE(std::lround(seen.estimate()) == 1);
    seen.clear();
    REQUIRE(seen.estimate() == 0);
    seen.add(0);  // the rarest of all
    REQUIRE(seen.estimate() < 2);
}

TEST_CASE("distinct sketch: the error stays near its theory, small numbers are nearly exact", "[metrics]") {
    const double theory = 1.04 / std::sqrt(static_cast<double>(distinct_sketch::registers));
    std::mt19937_64 random(2);
    for (const int count : {10, 100, 1'000, 5'000, 10'000, 100'000}) {
        constexpr int rounds = 30;
        double squares = 0, bias = 0;
        for (int round = 0; round < rounds; ++round) {
            distinct_sketch seen;
            for (int i = 0; i < count; ++i) seen.add(random());
            const auto error = seen.estimate() / count - 1;
            squares += error * error;
            bias += error / rounds;
        }
        INFO(count);
        // The mean of 30 rounds has a fifth of the standard error; both bounds are five of theirs.
        CHECK(std::sqrt(squares / rounds) < 1.7 * theory);
        CHECK(std::abs(bias) < theory);
    }
}

TEST_CASE("distinct sketch: merged ones have seen what either had", "[metrics]") {
    std::mt19937_64 random(3);
    distinct_sketch left, right, both;
    for (int i = 0; i < 3'000; ++i) {
        const auto hash = random();
        if (i < 2'000) left.add(hash);
        if (i >= 1'000) right.add(hash);
        both.add(hash);
    }
    left.merge(right);
    REQUIRE(left.estimate() == both.estimate());
}
