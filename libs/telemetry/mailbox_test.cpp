// SPDX-License-Identifier: Apache-2.0
#include "telemetry/mailbox.hpp"

#include <thread>

#include "base/testing/catch.hpp"

using namespace std::chrono_literals;
using bulkhead::telemetry::mailbox;

TEST_CASE("mailbox: what does not fit is refused, and fits again when some was taken", "[telemetry]") {
    mailbox<int> box(5, 3);
    CHECK(box.put(1, 3));
    CHECK(!box.put(2, 3));
    CHECK(box.put(3, 2));
    CHECK(!box.put(4));
    CHECK(box.weight() == 5);
    CHECK(box.take(0ms) == std::vector{1});
    CHECK(box.put(4));
    box.close();
    CHECK(!box.put(5));
    CHECK(box.take(1h) == std::vector{3, 4});
    CHECK(box.take(1h).empty());
    CHECK(box.weight() == 0);
}

TEST_CASE("mailbox: a batch is taken at once, less than that after a while", "[telemetry]") {
    mailbox<int> box(100, 2);
    std::vector<int> first, second;
    std::thread taker([&] {
        first = box.take(1h);
        second = box.take(1ms);
    });
    box.put(1);
    box.put(2);
    box.put(3);
    taker.join();
    CHECK(first == std::vector{1, 2});
    CHECK(second == std::vector{3});
}

TEST_CASE("mailbox: closing ends every wait", "[telemetry]") {
    mailbox<int> box(10, 2);
    box.put(1);
    std::thread closer([&] { box.close(); });
    CHECK(box.take(1h) == std::vector{1});
    CHECK(box.wait_closed(mailbox<int>::clock::now() + 1h));
    closer.join();
}
