// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/demand.hpp"

#include "base/testing/catch.hpp"

namespace bulkhead::postgres {
namespace {

using namespace std::chrono_literals;

TEST_CASE("demand: what was asked rarely is ordered by the last time") {
    const auto start = steady_clock::now();
    demand earlier, later, never;
    earlier.add(start);
    later.add(start + 1ms);
    CHECK(never.at(start + 1s) == 0);
    CHECK(earlier.at(start + 1s) < later.at(start + 1s));
    CHECK(earlier.at(start + 1h) < later.at(start + 1h));
}

TEST_CASE("demand: what was asked often outlasts what was asked once, but not for ever") {
    const auto start = steady_clock::now();
    demand often, once;
    for (int i = 0; i < 1000; ++i) often.add(start + i * 1ms);
    once.add(start + 30s);
    CHECK(often.at(start + 30s) > once.at(start + 30s));
    once.add(start + 10min);
    CHECK(often.at(start + 10min) < once.at(start + 10min));
}

}  // namespace
}  // namespace bulkhead::postgres
