// SPDX-License-Identifier: Apache-2.0
#include "runtime/loop_lag.hpp"

#include <sched.h>
#include <sys/resource.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <functional>
#include <thread>

#include "base/testing/catch.hpp"
#include "runtime/blocking_pool.hpp"
#include "runtime/descriptor_limit.hpp"
#include "runtime/reactor.hpp"

using namespace bulkhead;
using namespace bulkhead::runtime;
using namespace std::chrono_literals;

TEST_CASE("loop lag: what lasts is the least of the last samples", "[runtime]") {
    sustained_lag lag;
    for (std::size_t i = 0; i < sustained_lag::samples - 1; ++i) lag.add(20ms);
    REQUIRE(lag.value() == 0ms);  // too early to tell
    lag.add(30ms);
    REQUIRE(lag.value() == 20ms);
    lag.add(1ms);
    REQUIRE(lag.value() == 1ms);
    for (std::size_t i = 0; i < sustained_lag::samples; ++i) lag.add(5ms);
    REQUIRE(lag.value() == 5ms);
}

TEST_CASE("loop lag: a reactor that always has something long to do is late", "[runtime]") {
    metrics::registry registry;
    reactor busy("busy");
    std::atomic<std::chrono::nanoseconds> sustained{0ns};
    std::atomic<bool> over{false};
    loop_lag lag(busy.get_executor(), registry, [&](auto, std::chrono::nanoseconds value) {
        sustained = std::max(sustained.load(), value);
    });
    std::function<void()> work = [&] {
        std::this_thread::sleep_for(8ms);
        if (!over) busy.post(work);
    };
    busy.start();
    busy.post([&] { lag.start(); });
    busy.post(work);
    for (const auto end = steady_clock::now() + 20s; sustained.load() < 4ms && steady_clock::now() < end;)
        std::this_thread::sleep_for(5ms);
    over = true;
    REQUIRE(sustained.load() >= 4ms);
    busy.stop();
    busy.join();
    REQUIRE(registry.render().find("bulkhead_loop_lag_seconds_count") != std::string::npos);
}

TEST_CASE("blocking pool: threads in the background leave the processor to others", "[runtime]") {
    reactor home("home");
    blocking_pool pool("yielding", 1, 1, urgency::background);
    home.start();
    const auto look = [&]() -> awaitable<std::pair<int, int>> {
        auto work = [] { return std::pair(::getpriority(PRIO_PROCESS, 0), ::sched_getscheduler(0)); };
        auto seen = co_await pool.run(std::move(work));
        co_return *seen;
    };
    const auto [niceness, policy] = net::co_spawn(home.get_executor(), look, net::use_future).get();
    REQUIRE(niceness >= 10);  // more when the test itself is nice
    REQUIRE(policy == SCHED_BATCH);
    pool.stop();
    home.stop();
    home.join();
}

TEST_CASE("descriptor limit: is raised to what is allowed", "[runtime]") {
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const rlimit few{std::min<rlim_t>(before.rlim_max, 64), before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    REQUIRE(raise_descriptor_limit() == before.rlim_max);
    rlimit now{};
    getrlimit(RLIMIT_NOFILE, &now);
    REQUIRE(now.rlim_cur == before.rlim_max);
    setrlimit(RLIMIT_NOFILE, &before);
}
