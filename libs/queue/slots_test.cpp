// SPDX-License-Identifier: Apache-2.0
#include "queue/slots.hpp"

#include "base/testing/catch.hpp"

namespace bulkhead::queue {
namespace {

TEST_CASE("A lane alone borrows, but never the last ones") {
    slots all({4, 8, 4});
    CHECK(all.take_up_to(lane::critical, 100) == 4 + 7 + 3);
    CHECK(all.take_up_to(lane::normal, 100) == 1);
    CHECK(all.take_up_to(lane::bulk, 100) == 1);

    CHECK(most_of({4, 8, 4}, lane::critical) == 14);
    CHECK(most_of({4, 8, 4}, lane::bulk) == 10);
    CHECK(!all.has_room(lane::normal));

    slots busy({4, 8, 4});
    CHECK(busy.take_up_to(lane::bulk, 100) == 4 + 4 + 2);
    CHECK(busy.take_up_to(lane::critical, 100) == 2 + 3);
    CHECK(busy.take_up_to(lane::normal, 100) == 1);
}

TEST_CASE("What a lane gives back is what it had borrowed") {
    slots all({2, 2, 2});
    REQUIRE(all.take_up_to(lane::bulk, 100) == 4);
    all.release(lane::bulk);
    all.release(lane::bulk);
    CHECK(all.running(lane::bulk) == 2);
    CHECK(all.take_up_to(lane::critical, 2) == 2);
    CHECK(all.take_up_to(lane::normal, 2) == 2);
    CHECK(all.running() == 6);
    CHECK(!all.take(lane::critical));
    CHECK(!all.take(lane::bulk));
}

TEST_CASE("A lane without slots of its own lives on what others lend") {
    slots all({0, 2, 0});
    CHECK(all.take_up_to(lane::critical, 9) == 1);
    CHECK(all.take_up_to(lane::bulk, 9) == 0);
    CHECK(all.take_up_to(lane::normal, 9) == 1);
    for (int i = 0; i < 100; ++i) {
        all.release(lane::normal);
        REQUIRE(all.take(lane::normal));
    }
}

TEST_CASE("Parts add up to the whole") {
    const lane_numbers whole{4, 17, 1};
    lane_numbers sum{};
    for (std::size_t i = 0; i < 3; ++i) {
        const auto part = part_of(whole, i, 3);
        for (std::size_t j = 0; j < lanes; ++j) sum[j] += part[j];
        CHECK(part[1] >= 5);
    }
    CHECK(sum == whole);
}

}  // namespace
}  // namespace bulkhead::queue
