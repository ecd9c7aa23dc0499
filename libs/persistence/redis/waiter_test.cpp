// SPDX-License-Identifier: Apache-2.0
// The waiter against a scripted server. Real ones are in tests/integration/redis_waiter_test.cpp.
#include "persistence/redis/waiter.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <functional>

#include "base/testing/catch.hpp"
#include "persistence/redis/testing/scripted_server.hpp"

using namespace bulkhead;
using namespace bulkhead::redis;
using bulkhead::redis::testing::lines;
using bulkhead::redis::testing::scripted_server;
using namespace std::chrono_literals;

namespace {

using outcome = result<std::optional<waiter::popped>>;

struct fixture {
    net::io_context context{1};
    scripted_server server;
    std::vector<std::string> changes;
    std::vector<outcome> got;
    waiter listener;

    explicit fixture(std::vector<lines> scripts, waiter_options options = {})
        : server(context, std::move(scripts)),
          listener(context.get_executor(), server.endpoint(), {"a", "b"}, noted(std::move(options))) {
        listener.start();
    }

    ~fixture() {
        listener.stop();
        server.acceptor.close();
        run_until([] { return false; }, 20ms);
    }

    waiter_options noted(waiter_options options) {
        options.on_change = [this](bool up, std::string_view why) {
            changes.push_back((up ? "up: " : "down: ") + std::string(why));
        };
        return options;
    }

    awaitable<> keep(std::chrono::milliseconds patience) {
        auto out = co_await listener.pop(patience);
        got.push_back(std::move(out));
    }

    void begin(std::chrono::milliseconds patience) {
        net::co_spawn(context.get_executor(), keep(patience), net::detached);
    }

    bool run_until(const std::function<bool()>& done, std::chrono::milliseconds most = 5s) {
        const auto end = steady_clock::now() + most;
        while (!done() && steady_clock::now() < end) {
            context.restart();
            context.run_one_for(10ms);
        }
        return done();
    }

    outcome pop(std::chrono::milliseconds patience) {
        const auto before = got.size();
        begin(patience);
        REQUIRE(run_until([&] { return got.size() > before; }));
        return got.back();
    }
};

const std::string member = "*3\r\n$1\r\nb\r\n$2\r\nm1\r\n$4\r\n-1.5\r\n";

}  // namespace

TEST_CASE("redis waiter: a member comes, or the time is over", "[persistence]") {
    fixture f(std::vector{lines{"+PONG\r\n", member, "*-1\r\n"}});
    const auto first = f.pop(4s);
    REQUIRE(first);
    REQUIRE(*first);
    CHECK((*first)->key == "b");
    CHECK((*first)->member == "m1");
    CHECK((*first)->score == -1.5);
    REQUIRE(f.server.reads.size() == 2);
    CHECK(f.server.reads[1].starts_with("*4\r\n$8\r\nBZPOPMIN\r\n$1\r\na\r\n$1\r\nb\r\n$5\r\n"));
    const auto second = f.pop(50ms);
    REQUIRE(second);
    CHECK_FALSE(*second);
    CHECK(f.changes == std::vector<std::string>{"up: connected"});
}

TEST_CASE("redis waiter: a lost connection is told at once, and the next wait waits for a new one",
          "[persistence]") {
    fixture f(std::vector{lines{"+PONG\r\n", ""}, lines{}, lines{"+PONG\r\n", member}},
              {.connect_timeout = 100ms});
    const auto lost = f.pop(30s);
    REQUIRE_FALSE(lost);
    CHECK(lost.error().code == errc::unavailable);
    const auto found = f.pop(30s);
    REQUIRE(found);
    CHECK(*found);
    CHECK(f.server.accepted == 3);
}

TEST_CASE("redis waiter: a server that is silent for longer than asked is given up", "[persistence]") {
    fixture f(std::vector{lines{"+PONG\r\n"}, lines{"+PONG\r\n", member}}, {.margin = 50ms});
    const auto quiet = f.pop(100ms);
    REQUIRE(quiet);
    CHECK_FALSE(*quiet);  // as far as anybody can know
    const auto late = f.pop(4s);
    REQUIRE_FALSE(late);
    CHECK(late.error().code == errc::deadline_exceeded);
    const auto found = f.pop(4s);
    REQUIRE(found);
    CHECK(*found);
}

TEST_CASE("redis waiter: one waits at a time, and stopping ends it", "[persistence]") {
    fixture f(std::vector{lines{"+PONG\r\n"}});
    REQUIRE(f.run_until([&] { return f.listener.connected(); }));
    f.begin(30s);
    const auto second = f.pop(30s);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == errc::conflict);
    f.listener.stop();
    f.listener.stop();
    REQUIRE(f.run_until([&] { return f.got.size() == 2; }));
    CHECK(f.got[1].error().code == errc::unavailable);
    CHECK(f.pop(30s).error().code == errc::unavailable);
}

TEST_CASE("redis waiter: a refusal is an error, at a pace that a loop can bear", "[persistence]") {
    fixture f(std::vector{lines{"+PONG\r\n", "-WRONGTYPE no\r\n", "-NOPERM no\r\n"}});
    const auto start = steady_clock::now();
    CHECK(f.pop(200ms).error().code == errc::internal);
    CHECK(f.pop(200ms).error().code == errc::unavailable);
    CHECK(steady_clock::now() - start >= 400ms);
    CHECK(f.changes == std::vector<std::string>{"up: connected"});
}

TEST_CASE("redis waiter: without a server it waits as long as it may, and says so", "[persistence]") {
    fixture f(std::vector{lines{""}});
    const auto start = steady_clock::now();
    CHECK(f.pop(100ms).error().code == errc::unavailable);
    CHECK(steady_clock::now() - start >= 100ms);
}
