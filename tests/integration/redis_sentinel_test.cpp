// SPDX-License-Identifier: Apache-2.0
// The client with real sentinels: it writes to whoever is the primary, whatever is killed.
#include <set>

#include "persistence/redis/waiter.hpp"
#include "redis_fixture.hpp"
#include "support/redis_sentinels.hpp"

using namespace bulkhead;
using namespace bulkhead::redis;
using namespace bulkhead::testing;

namespace {

struct sentinel_fixture {
    redis_sentinels servers;
    std::vector<redis_identity> identities;
    redis_fixture f{servers.endpoint(), options()};

    redis_client_options options() {
        redis_client_options out;
        out.on_identity = [this](const redis_identity& who) { identities.push_back(who); };
        return out;
    }

    [[nodiscard]] std::string address(std::size_t node) {
        return to_text({"127.0.0.1", servers.node(node).port()});
    }

    /// Writes until it works. False: not within a minute.
    bool write(const std::string& value) {
        return f.run_until([&] { return f.ask({"SET", "bh:test:key", value}).has_value(); }, 60s);
    }

    /// Until all that was written is on the other node too.
    bool copied() {
        const auto reply = f.ask({"WAIT", "1", "20000"}, 25s);
        return reply && reply->integer() == 1;
    }
};

}  // namespace

TEST_CASE("redis sentinel: after kill -9 of the primary it writes to the next one", "[integration]") {
    sentinel_fixture s;
    auto& f = s.f;
    REQUIRE(f.run_until_connected());
    CHECK(f.changes.at(0) == "up: connected to " + s.address(0));
    REQUIRE(s.write("before"));
    REQUIRE(s.copied());

    waiter sleeper(f.context.get_executor(), s.servers.endpoint(), {"bh:test:wake"});
    sleeper.start();
    REQUIRE(f.run_until([&] { return sleeper.connected(); }));
    const auto asleep = f.begin(sleeper.pop(60s));

    s.servers.node(0).kill();
    REQUIRE(f.run_until([&] { return asleep->has_value(); }));
    CHECK((*asleep)->error().code == errc::unavailable);
    REQUIRE(f.run_until([&] { return s.servers.primary_says(0) == 1; }, 60s));
    const auto failed_over = steady_clock::now();
    REQUIRE(s.write("after"));
    CHECK(steady_clock::now() - failed_over < 10s);
    CHECK(s.servers.role(1) == "master");
    CHECK(f.changes.back() == "up: connected to " + s.address(1));
    CHECK(f.ask({"GET", "bh:test:key"})->text() == "after");

    REQUIRE(s.identities.size() == 2);
    CHECK(s.identities[0].server == s.address(0));
    CHECK(s.identities[1].server == s.address(1));
    CHECK(s.identities[0].run_id.size() == 40);
    CHECK(s.identities[1].run_id.size() == 40);
    CHECK(s.identities[0].run_id != s.identities[1].run_id);
    CHECK(s.identities[0].replication_id != s.identities[1].replication_id);

    // The waiter has found it too.
    REQUIRE(f.run_until([&] { return sleeper.connected(); }));
    const auto awake = f.begin(sleeper.pop(30s));
    REQUIRE(f.ask({"ZADD", "bh:test:wake", "1", "x"}).has_value());
    REQUIRE(f.run_until([&] { return awake->has_value(); }));
    REQUIRE(awake->value());
    CHECK(awake->value().value()->member == "x");

    // Who comes back believes for a moment that it is the primary; nobody follows it.
    s.servers.node(0).start();
    REQUIRE(f.run_until([&] { return s.servers.role(0) == "slave"; }, 60s));
    REQUIRE(s.write("later"));
    CHECK(f.changes.back() == "up: connected to " + s.address(1));

    // And back again, on request, with two sentinels gone.
    REQUIRE(f.run_until([&] { return s.copied(); }, 60s));
    const auto failed_back = [&] {
        if (s.servers.primary_says(2) == 0) return true;
        s.servers.sentinel(2).admin({"SENTINEL", "FAILOVER", "main"}, "watch");  // perhaps too early
        return false;
    };
    REQUIRE(f.run_until(failed_back, 60s));
    s.servers.sentinel(0).kill();
    s.servers.sentinel(1).kill();
    // Whoever it is by now: a request that came too late begins another failover.
    const auto follows = [&] {
        const auto now = s.servers.primary_says(2);
        return s.write("back") && s.servers.role(now) == "master" &&
               f.changes.back() == "up: connected to " + s.address(now);
    };
    REQUIRE(f.run_until(follows, 60s));
    CHECK(s.identities.size() >= 3);
    const auto before = s.identities.size();
    s.servers.node(s.servers.primary_says(2)).admin({"CLIENT", "KILL", "TYPE", "normal"}, "hush");
    REQUIRE(f.run_until([&] { return s.identities.size() > before && follows(); }, 60s));
    sleeper.stop();
}
