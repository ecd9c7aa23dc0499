// SPDX-License-Identifier: Apache-2.0
// The waiter against a real server: kill -9 while it blocks, a server that hangs, and long waits.
#include "persistence/redis/waiter.hpp"

#include "redis_fixture.hpp"
#include "redis_server.hpp"

using namespace bulkhead;
using namespace bulkhead::redis;
using namespace bulkhead::testing;

namespace {

struct waiter_fixture {
    redis_server server;
    redis_fixture f{server.endpoint()};
    waiter sleeper;

    explicit waiter_fixture(waiter_options options = {})
        : sleeper(f.context.get_executor(), server.endpoint(), {"bh:test:one", "bh:test:two"},
                  slow(options)) {
        sleeper.start();
        REQUIRE(f.run_until([&] { return sleeper.connected() && f.client.connected(); }));
    }
    ~waiter_fixture() { sleeper.stop(); }

    static waiter_options slow(waiter_options options) {
        options.connect_timeout = 10s;
        return options;
    }

    auto begin(std::chrono::milliseconds patience) { return f.begin(sleeper.pop(patience)); }

    /// Until the server has it among its blocked clients.
    bool run_until_blocked() {
        return f.run_until([&] {
            return server.admin({"INFO", "clients"}).find("blocked_clients:1") != std::string::npos;
        });
    }
};

}  // namespace

TEST_CASE("redis waiter: a member wakes it, long after the time of usual commands", "[integration]") {
    waiter_fixture w;
    const auto start = steady_clock::now();
    const auto nothing = w.f.wait(w.sleeper.pop(1500ms));
    REQUIRE(nothing);
    CHECK_FALSE(*nothing);
    CHECK(steady_clock::now() - start >= 1500ms);
    CHECK(w.sleeper.connected());

    const auto awake = w.begin(60s);
    REQUIRE(w.run_until_blocked());
    REQUIRE(w.f.ask({"ZADD", "bh:test:two", "2", "b", "1", "a"}).has_value());
    REQUIRE(w.f.run_until([&] { return awake->has_value(); }));
    REQUIRE(awake->value());
    REQUIRE(awake->value().value());
    CHECK(awake->value().value()->key == "bh:test:two");
    CHECK(awake->value().value()->member == "a");
    CHECK(awake->value().value()->score == 1);
    CHECK((*w.f.wait(w.sleeper.pop(60s)))->member == "b");
    CHECK(w.server.admin({"EXISTS", "bh:test:two"}) == "0");
}

TEST_CASE("redis waiter: kill -9 while it blocks is told at once, and it comes back", "[integration]") {
    waiter_fixture w;
    for (int round = 0; round < 2; ++round) {
        const auto lost = w.begin(60s);
        REQUIRE(w.run_until_blocked());
        w.server.kill();
        REQUIRE(w.f.run_until([&] { return lost->has_value(); }));
        CHECK(lost->value().error().code == errc::unavailable);
        const auto found = w.begin(60s);  // while there is nobody
        w.server.start();
        REQUIRE(w.run_until_blocked());
        REQUIRE(w.f.run_until_connected());
        REQUIRE(w.f.ask({"ZADD", "bh:test:one", "1", "x"}).has_value());
        REQUIRE(w.f.run_until([&] { return found->has_value(); }));
        REQUIRE(found->value());
        CHECK(found->value().value()->member == "x");
    }
}

TEST_CASE("redis waiter: a server that hangs is given up, not later than it may be", "[integration]") {
    waiter_fixture w({.margin = 300ms});
    const auto stuck = w.begin(200ms);
    REQUIRE(w.run_until_blocked());
    w.server.freeze();
    REQUIRE(w.f.run_until([&] { return stuck->has_value(); }));
    const auto given_up = w.f.run_until([&] { return !w.sleeper.connected(); });
    w.server.thaw();
    CHECK(given_up);
    REQUIRE(w.f.run_until([&] { return w.sleeper.connected(); }));
    CHECK(w.f.wait(w.sleeper.pop(60s)).error().code == errc::deadline_exceeded);  // of the time before
    const auto found = w.begin(60s);
    REQUIRE(w.run_until_blocked());
    REQUIRE(w.f.run_until_connected());
    REQUIRE(w.f.ask({"ZADD", "bh:test:one", "1", "x"}).has_value());
    REQUIRE(w.f.run_until([&] { return found->has_value(); }));
    CHECK(found->value());
}

TEST_CASE("redis waiter: stopping ends a wait", "[integration]") {
    waiter_fixture w;
    const auto waiting = w.begin(60s);
    REQUIRE(w.run_until_blocked());
    w.sleeper.stop();
    REQUIRE(w.f.run_until([&] { return waiting->has_value(); }));
    CHECK(waiting->value().error().code == errc::unavailable);
    CHECK(w.f.run_until([&] {
        return w.server.admin({"INFO", "clients"}).find("blocked_clients:0") != std::string::npos;
    }));
}

TEST_CASE("redis identity: another one after each start", "[integration]") {
    redis_server server;
    std::vector<redis_identity> seen;
    redis_client_options options;
    options.on_identity = [&](const redis_identity& who) { seen.push_back(who); };
    redis_fixture f(server.endpoint(), std::move(options));
    REQUIRE(f.run_until_connected());
    server.admin({"CLIENT", "KILL", "TYPE", "normal"});
    REQUIRE(f.run_until([&] { return seen.size() == 2; }));
    CHECK(seen[0].run_id.size() == 40);
    CHECK(seen[0] == seen[1]);
    server.kill();
    server.start();
    REQUIRE(f.run_until([&] { return seen.size() == 3; }));
    CHECK(seen[1].run_id != seen[2].run_id);
}
