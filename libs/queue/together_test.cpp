// SPDX-License-Identifier: Apache-2.0
#include "queue/together.hpp"

#include <boost/asio/detached.hpp>
#include <stdexcept>
#include <vector>

#include "base/testing/catch.hpp"

namespace bulkhead::queue {
namespace {

using rounds = together<int, int>;

struct asking {
    net::io_context context{1};
    std::vector<std::vector<int>> seen;  // the wishes of each round
    rounds all{[this](rounds::tenant_ptr, std::vector<int> wishes) { return answer(std::move(wishes)); }, 3,
               1};
    rounds::tenant_ptr tenant = std::make_shared<const tenancy::known_tenant>(tenancy::tenant{}, nullptr);
    std::vector<result<int>> told = std::vector<result<int>>(10, result<int>(0));

    /// The double of each; 13 is bad luck for its whole round.
    awaitable<rounds::answers> answer(std::vector<int> wishes) {
        seen.push_back(wishes);
        co_await net::post(context, use_awaitable);
        rounds::answers out;
        for (const int each : wishes) {
            if (each == 13) throw std::runtime_error("bad luck");
            out.emplace_back(2 * each);
        }
        co_return out;
    }
    void ask(std::size_t at, int wish) {
        const auto go = [this, at, wish]() -> awaitable<> { told[at] = co_await all.ask(tenant, wish); };
        net::co_spawn(context, go, net::detached);
    }
    void settle() {
        context.restart();
        context.run();
    }
};

TEST_CASE("What is asked at the same time is asked in rounds, and each gets its own answer", "[queue]") {
    asking here;
    for (int i = 0; i < 5; ++i) here.ask(static_cast<std::size_t>(i), i);
    here.settle();
    for (int i = 0; i < 5; ++i) CHECK(here.told[static_cast<std::size_t>(i)] == 2 * i);
    CHECK(here.seen == std::vector<std::vector<int>>{{0, 1, 2}, {3, 4}});
}

TEST_CASE("A round that throws is told to who asked in it, and to nobody else", "[queue]") {
    asking here;
    for (std::size_t i = 0; i < 4; ++i) here.ask(i, i == 1 ? 13 : 7);
    here.settle();
    for (std::size_t i = 0; i < 3; ++i) {
        REQUIRE_FALSE(here.told[i]);
        CHECK(here.told[i].error().code == errc::internal);
        CHECK(here.told[i].error().detail == "bad luck");
    }
    CHECK(here.told[3] == 14);
    here.ask(0, 5);
    here.settle();
    CHECK(here.told[0] == 10);
}

}  // namespace
}  // namespace bulkhead::queue
