// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>

#include "base/testing/catch.hpp"
#include "runtime/ask_each.hpp"
#include "runtime/backoff.hpp"
#include "runtime/blocking_pool.hpp"
#include "runtime/deadline.hpp"
#include "runtime/deadline_list.hpp"
#include "runtime/or_die.hpp"
#include "runtime/reactor.hpp"
#include "runtime/shutdown_stack.hpp"

using namespace bulkhead;
using namespace bulkhead::runtime;
using namespace std::chrono_literals;

namespace {

struct flag final : deadline_entry {
    std::function<void()> action = [] {};
    int fired = 0;
    void on_deadline() override {
        ++fired;
        action();
    }
};

/// Runs one coroutine on a reactor and waits for its value.
template <class T>
T run_on(reactor& where, awaitable<T> work) {
    return net::co_spawn(where.get_executor(), std::move(work), net::use_future).get();
}

awaitable<std::thread::id> thread_after(blocking_pool& pool) {
    const auto done = co_await pool.run([] { return 1; });
    REQUIRE(done.has_value());
    co_return std::this_thread::get_id();
}

int throwing() { throw std::runtime_error("boom"); }

awaitable<bool> rethrows(blocking_pool& pool) {
    try {
        co_await pool.run(&throwing);
        co_return false;
    } catch (const std::runtime_error&) {
        co_return true;
    }
}

awaitable<errc> outcome(blocking_pool& pool, std::shared_future<void> gate,
                        std::promise<void>* begun = nullptr) {
    auto wait = [gate, begun] {
        if (begun) begun->set_value();
        gate.wait();
        return true;
    };
    const auto done = co_await pool.run(wait);
    co_return done ? errc::internal : done.error().code;
}

awaitable<std::thread::id> thread_of() { co_return std::this_thread::get_id(); }

awaitable<> throw_later() {
    steady_timer pause(co_await net::this_coro::executor, std::chrono::milliseconds(1));
    co_await pause.async_wait(use_tuple);
    throw std::runtime_error("a bug");
}

awaitable<int> wait_for_ever() {
    steady_timer pause(co_await net::this_coro::executor, steady_timer::time_point::max());
    co_await pause.async_wait(use_tuple);
    co_return 1;
}

}  // namespace

TEST_CASE("backoff: doubles up to its ceiling, jittered in the upper half", "[runtime]") {
    backoff delays(100ms, 1s);
    for (auto ceiling : {100, 200, 400, 800, 1000, 1000}) {
        const auto delay = delays.next().count();
        REQUIRE(delay >= ceiling / 2);
        REQUIRE(delay <= ceiling);
    }
    delays.reset();
    REQUIRE(delays.next() <= 100ms);
}

TEST_CASE("deadline: counts down to nothing, never below", "[runtime]") {
    const auto later = deadline::in(1h);
    REQUIRE_FALSE(later.passed());
    REQUIRE(later.remaining() > 59min);
    const auto gone = deadline::in(-1s);
    REQUIRE(gone.passed());
    REQUIRE(gone.remaining() == 0ms);
}

TEST_CASE("deadline list: expires what is due, once, and survives entries that die meanwhile", "[runtime]") {
    net::io_context context{1};
    deadline_list list(context.get_executor());
    const auto now = steady_clock::now();
    flag early, late, unset;
    auto victim = std::make_unique<flag>();
    list.add(early);
    list.add(*victim);
    list.add(late);
    list.add(unset);
    early.expires_at(now);
    victim->expires_at(now);
    late.expires_at(now + 1s);
    early.action = [&victim] { victim.reset(); };
    list.sweep(now);
    REQUIRE(early.fired == 1);
    REQUIRE_FALSE(victim);
    list.sweep(now + 500ms);
    REQUIRE(early.fired == 1);
    REQUIRE(late.fired == 0);
    list.sweep(now + 1s);
    REQUIRE(late.fired == 1);
    REQUIRE(unset.fired == 0);
}

TEST_CASE("blocking pool: resumes on the reactor that asked", "[runtime]") {
    reactor r("test");
    r.start();
    blocking_pool pool("pool", 2, 8);
    REQUIRE(run_on(r, thread_after(pool)) == run_on(r, thread_of()));
    REQUIRE(run_on(r, rethrows(pool)));
    pool.stop();
}

TEST_CASE("blocking pool: stopped with patience, what runs finishes and what waits is refused", "[runtime]") {
    reactor r("test");
    r.start();
    blocking_pool pool("pool", 1, 1);
    std::promise<void> open, begun;
    const std::shared_future<void> gate = open.get_future();
    auto running = net::co_spawn(r.get_executor(), outcome(pool, gate, &begun), net::use_future);
    begun.get_future().wait();
    auto waiting = net::co_spawn(r.get_executor(), outcome(pool, gate), net::use_future);
    while (pool.waiting() != 1) std::this_thread::yield();
    REQUIRE_FALSE(pool.stop_within(1ms));
    open.set_value();
    REQUIRE(pool.stop_within(1min));
    REQUIRE(running.get() == errc::internal);
    REQUIRE(waiting.get() == errc::unavailable);
    REQUIRE(run_on(r, outcome(pool, gate)) == errc::unavailable);
}

TEST_CASE("blocking pool: a full queue answers at once", "[runtime]") {
    reactor r("test");
    r.start();
    blocking_pool pool("pool", 1, 1);
    std::promise<void> open;
    const std::shared_future<void> gate = open.get_future();
    auto running = net::co_spawn(r.get_executor(), outcome(pool, gate), net::use_future);
    while (pool.waiting() != 0) std::this_thread::yield();  // the thread may take a moment to pick it up
    std::this_thread::sleep_for(50ms);
    auto waiting = net::co_spawn(r.get_executor(), outcome(pool, gate), net::use_future);
    while (pool.waiting() != 1) std::this_thread::yield();
    REQUIRE(run_on(r, outcome(pool, gate)) == errc::unavailable);
    open.set_value();
    REQUIRE(running.get() == errc::internal);
    REQUIRE(waiting.get() == errc::internal);
    pool.stop();
    REQUIRE(run_on(r, outcome(pool, gate)) == errc::unavailable);
}

TEST_CASE("reactor group: work runs on every reactor, each on its own thread", "[runtime]") {
    reactor_group group("test", 3);
    group.start();
    std::array<std::thread::id, 3> ids;
    group.run_on_each([&ids](std::size_t i) { ids[i] = std::this_thread::get_id(); });
    REQUIRE(ids[0] != ids[1]);
    REQUIRE(ids[1] != ids[2]);
    REQUIRE(ids[0] != std::this_thread::get_id());
    group.stop();
}

TEST_CASE("reactor group: what fails on a reactor is told to the caller, after all have ended", "[runtime]") {
    reactor_group group("test", 3);
    group.start();
    std::array<bool, 3> ran{};
    const auto work = [&ran](std::size_t i) {
        ran[i] = true;
        if (i == 1) throw std::runtime_error("cannot start");
    };
    REQUIRE_THROWS_AS(group.run_on_each(work), std::runtime_error);
    REQUIRE((ran[0] && ran[1] && ran[2]));
    group.stop();
}

TEST_CASE("ask each: answers in order, without those who are held up", "[runtime]") {
    reactor_group group("test", 3);
    group.start();
    std::vector<executor> all;
    for (auto& each : group) all.push_back(each->get_executor());
    std::promise<void> gate;
    const auto opened = gate.get_future().share();
    const auto ask = [&](std::size_t held_up, std::chrono::milliseconds limit) {
        std::function<std::size_t(std::size_t)> question = [held_up, opened](std::size_t i) {
            if (i == held_up) opened.wait();
            return i * 10;
        };
        return net::co_spawn(all[0], ask_each<std::size_t>(all, std::move(question), deadline::in(limit)),
                             net::use_future)
            .get();
    };
    const std::vector<std::optional<std::size_t>> everybody{0, 10, 20}, without_last{0, 10, std::nullopt};
    CHECK(ask(99, 60s) == everybody);
    CHECK(ask(2, 50ms) == without_last);
    gate.set_value();
    CHECK(ask(99, 60s) == everybody);
    CHECK(net::co_spawn(all[0],
                        ask_each<int>(
                            {}, [](std::size_t) { return 0; }, deadline::in(60s)),
                        net::use_future)
              .get()
              .empty());
    group.stop();
}

TEST_CASE("shutdown stack: reverse order, a failing step stops nobody", "[runtime]") {
    std::vector<int> order;
    {
        shutdown_stack stack;
        stack.push("first", [&] { order.push_back(1); });
        stack.push("failing", [] { throw std::runtime_error("no"); });
        stack.push("last", [&] { order.push_back(3); });
    }
    REQUIRE(order == std::vector{3, 1});
}

TEST_CASE("what a coroutine throws that nobody waits for ends whoever runs it") {
    net::io_context context(1);
    net::co_spawn(context.get_executor(), throw_later(), or_die);
    CHECK_THROWS_WITH(context.run(), "a bug");
}

TEST_CASE("what is left of a coroutine that nobody waits for goes quietly with its reactor") {
    net::io_context context(1);
    net::co_spawn(context.get_executor(), wait_for_ever(), or_die);
    CHECK(context.poll() > 0);
}
