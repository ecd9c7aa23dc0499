// SPDX-License-Identifier: Apache-2.0
// What happens to the Redis client when its server is killed, hangs, loses its role, changes its mind about
// us, or is not one.
#include "redis_fixture.hpp"
#include "redis_server.hpp"

using namespace bulkhead;
using namespace bulkhead::redis;
using namespace bulkhead::testing;

namespace {

using strings = std::vector<std::string>;

}  // namespace

TEST_CASE("redis: kill -9 fails what is under way, and the client comes back by itself", "[integration]") {
    redis_server server;
    redis_fixture f(server.endpoint());
    REQUIRE(f.run_until_connected());
    const auto waiting = f.begin({"BLPOP", "bh:test:never", "30"}, 30s);
    f.run_for(50ms);
    server.kill();
    REQUIRE(f.run_until([&] { return waiting->has_value(); }));
    CHECK((*waiting)->error().code == errc::unavailable);

    const auto start = steady_clock::now();
    CHECK(f.ask({"PING"}, 5s).error().code == errc::unavailable);
    CHECK(steady_clock::now() - start < 1s);

    server.start();
    REQUIRE(f.run_until_connected());
    CHECK(f.ask({"PING"})->text() == "PONG");
}

TEST_CASE("redis: a server that hangs costs one deadline, not more", "[integration]") {
    redis_server server;
    redis_fixture f(server.endpoint());
    REQUIRE(f.run_until_connected());
    server.freeze();
    const auto start = steady_clock::now();
    const auto late = f.ask({"PING"}, 200ms);
    const auto took = steady_clock::now() - start;
    const auto next = f.ask({"PING"}, 5s);
    const auto next_took = steady_clock::now() - start - took;
    server.thaw();
    CHECK(late.error().code == errc::deadline_exceeded);
    CHECK(took >= 200ms);
    CHECK(took < 2s);
    CHECK(next.error().code == errc::unavailable);
    CHECK(next_took < 2s);
    REQUIRE(f.run_until_connected());
    CHECK(f.ask({"PING"})->text() == "PONG");
}
