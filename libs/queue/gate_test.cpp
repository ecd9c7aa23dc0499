// SPDX-License-Identifier: Apache-2.0
#include "queue/gate.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <vector>

#include "base/testing/catch.hpp"

namespace bulkhead::queue {
namespace {

using namespace std::chrono_literals;

struct house {
    net::io_context context{1};
    gate door{context.get_executor(), {1, 4, 1}};
    unsigned entered = 0, refused = 0;

    std::vector<gate::pass_ptr> fetch(unsigned most) {
        std::vector<gate::pass_ptr> out;
        const auto wanted = door.begin_fetch(lane::normal, most);
        for (unsigned i = 0; i < wanted; ++i) out.push_back(door.admit(lane::normal));
        door.end_fetch(lane::normal);
        return out;
    }
    void enter(gate::pass& who) {
        const auto go = [this, &who]() -> awaitable<> {
            const bool in = co_await who.enter();
            ++(in ? entered : refused);
        };
        net::co_spawn(context, go, net::detached);
    }
    void settle() {
        context.restart();
        context.run_for(0ms);
        context.poll();
    }
    /// Until it is known that jobs of the lane take no time.
    void learn() {
        for (int i = 0; i < 20; ++i) {
            auto some = fetch(1);
            some.front()->leave();
        }
    }
};

TEST_CASE("Only as many are fetched as there are slots, until jobs are known to be short", "[queue]") {
    house in;
    {
        const auto all = in.fetch(100);
        CHECK(all.size() == most_of({1, 4, 1}, lane::normal));
        CHECK_FALSE(in.door.wants_more(lane::normal));
        CHECK_FALSE(in.door.is_ahead(lane::normal));
        // Whose handler has ended has no slot, but its end is not written down yet.
        for (const auto& each : all) each->leave();
        CHECK_FALSE(in.door.wants_more(lane::normal));
    }
    CHECK(in.door.wants_more(lane::normal));
    in.learn();
    CHECK(in.door.is_ahead(lane::normal));
    CHECK(in.fetch(1000).size() == most_of({1, 4, 1}, lane::normal) + 64);
    CHECK(in.fetch(10).size() == 10);
}

TEST_CASE("Those that were fetched ahead enter one by one as slots become free", "[queue]") {
    house in;
    in.learn();
    auto all = in.fetch(10);
    REQUIRE(all.size() == 10);
    const auto at_once = most_of({1, 4, 1}, lane::normal);
    for (const auto& each : all) in.enter(*each);
    in.settle();
    CHECK(in.entered == at_once);
    all[0]->leave();
    all[0]->leave();  // only once
    in.settle();
    CHECK(in.entered == at_once + 1);
    all[1].reset();
    in.settle();
    CHECK(in.entered == at_once + 2);
    // Nobody waits for ever, and then jobs do not count as short any more.
    in.context.restart();
    in.context.run();
    CHECK(in.entered == at_once + 2);
    CHECK(in.entered + in.refused == 10);
    CHECK_FALSE(in.door.is_ahead(lane::normal));
}

TEST_CASE("A closed gate lets in who has a slot", "[queue]") {
    house in;
    in.learn();
    const auto all = in.fetch(10);
    for (const auto& each : all) in.enter(*each);
    in.door.close();
    in.settle();
    CHECK(in.entered == most_of({1, 4, 1}, lane::normal));
    CHECK(in.entered + in.refused == 10);
    CHECK(in.fetch(1).empty());
}

}  // namespace
}  // namespace bulkhead::queue
