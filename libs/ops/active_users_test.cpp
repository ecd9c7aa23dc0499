// SPDX-License-Identifier: Apache-2.0
#include "ops/active_users.hpp"

#include <fmt/format.h>

#include <cmath>

#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace std::chrono_literals;

namespace {

void see(ops::seen_users& reactor, int first, int last, steady_clock::time_point when) {
    for (int i = first; i < last; ++i) reactor.see(fmt::format("user-{}", i), when);
}

/// Two may share a register.
bool about(double wanted, double seen) { return std::abs(seen - wanted) <= 3; }

}  // namespace

TEST_CASE("active users: who is seen by several reactors or again counts once", "[ops]") {
    metrics::registry registry;
    ops::active_users all(registry);
    auto &one = all.add_reactor(), &two = all.add_reactor();
    const steady_clock::time_point start(1000min);
    REQUIRE(all.count(5, start) == 0);
    see(one, 0, 60, start);
    see(two, 30, 100, start + 1min);
    see(one, 0, 60, start + 2min);
    const auto seen = all.count(5, start + 2min);
    CHECK(seen >= 95);
    CHECK(seen <= 105);
    CHECK(registry.render().find("bulkhead_active_users{window=\"5m\"} ") != std::string::npos);
}

TEST_CASE("active users: they leave the windows one after the other", "[ops]") {
    metrics::registry registry;
    ops::active_users all(registry);
    auto& reactor = all.add_reactor();
    const steady_clock::time_point start(1000min);
    see(reactor, 0, 10, start);
    see(reactor, 10, 30, start + 10min);
    CHECK(about(10, all.count(5, start + 5min)));
    CHECK(all.count(5, start + 6min) == 0);
    CHECK(about(20, all.count(5, start + 12min)));
    CHECK(about(30, all.count(60, start + 60min)));
    CHECK(about(20, all.count(60, start + 61min)));
    // The ring comes round: an hour later the same places hold other minutes.
    see(reactor, 100, 140, start + 61min);
    CHECK(about(60, all.count(60, start + 61min)));
    CHECK(about(40, all.count(5, start + 61min)));
    see(reactor, 200, 201, start + 10000min);
    CHECK(all.count(60, start + 10000min) == 1);
}
