// SPDX-License-Identifier: Apache-2.0
// Pools under command: closed by name, led elsewhere, given another budget, and what they report.
#include <atomic>

#include "pool_fixture.hpp"

namespace bulkhead::testing {
namespace {

const error paused{.code = errc::tenant_suspended, .detail = "paused for this test"};

std::string key_of(const std::string& database) { return target_of(database).describe(); }

std::size_t open_connections(pool_house& house) {
    return house.on_reactor([&] { return house.pools().open_connections(); });
}

postgres::pool_set_report report(pool_house& house) {
    return house.on_reactor([&] { return house.pools().report(); });
}

postgres::pool_report report_of(pool_house& house, const std::string& database) {
    for (auto& each : report(house).pools)
        if (each.key == key_of(database)) return each;
    return {};
}

TEST_CASE("pool set: closing one pool fails all it has, with the given reason, and nobody else",
          "[integration]") {
    pool_house house({.budget = 3, .per_database = 1, .most_in_flight = 2});
    const auto names = fresh_databases(3);
    std::vector<std::future<text_result>> hit;
    for (int i = 0; i < 6; ++i)
        hit.push_back(
            house.begin(names[0], "select pg_sleep(20)::text", i % 2 ? intent::read : intent::write));
    auto other = house.begin(names[1], "select pg_sleep(0.5)::text || 'x'");
    CHECK(comes_true([&] {
        const auto seen = report_of(house, names[0]);
        return seen.in_flight == 2 && seen.waiting == 4 && house.usage().in_flight == 3;
    }));
    hit.push_back(house.begin(names[2], "select 'x'"));  // still connecting
    house.on_reactor([&] {
        house.pools().close(key_of(names[0]), paused);
        house.pools().close(key_of(names[2]), paused);
        house.pools().close("nobody", paused);
    });
    for (auto& each : hit) {
        const auto outcome = must_end(std::move(each));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.why().code == paused.code);
        CHECK(outcome.why().detail == paused.detail);
    }
    CHECK(must_end(std::move(other)) == "x");
    shared_servers().execute("bulkhead",
                             "select pg_terminate_backend(pid) from pg_stat_activity where query like "
                             "'%pg_sleep(20)%' and pid <> pg_backend_pid()");
    for (const auto& each : names) CHECK(house.read(each, "select current_database()::text") == each);
    CHECK(open_connections(house) <= 3);
}

TEST_CASE("pool set: who still holds a closed pool hears the reason", "[integration]") {
    pool_house house;
    const auto name = fresh_database_name();
    const auto held = house.pool(target_of(name));
    house.on_reactor([&] { house.pools().close(key_of(name), paused); });
    CHECK(word(must_end(house.spawn(ask(held, "select 'x'", intent::read, 5s)))) == "tenant-suspended");
    CHECK(house.pool(target_of(name)) != held);
}

TEST_CASE("pool set: a name that leads elsewhere gets a new pool, and the old one finishes",
          "[integration]") {
    pool_house house({.budget = 4});
    const auto names = fresh_databases(2);
    const auto get = [&](const std::shared_ptr<const postgres::conninfo>& target) {
        return house.on_reactor([&] { return house.pools().get("tenant", target); });
    };
    const auto here = std::make_shared<const postgres::conninfo>(target_of(names[0]));
    auto old = get(here);
    CHECK(get(here) == old);
    CHECK(get(std::make_shared<const postgres::conninfo>(*here)) == old);
    auto flying =
        house.spawn(ask(old, "select pg_sleep(0.5)::text || current_database()", intent::write, 5s));
    auto idle = house.spawn(ask(old, "select 'x'", intent::read, 5s));
    CHECK(must_end(std::move(idle)) == "x");

    const auto moved = get(std::make_shared<const postgres::conninfo>(target_of(names[1])));
    CHECK(moved != old);
    CHECK(must_end(house.spawn(ask(moved, "select current_database()::text", intent::read, 5s))) == names[1]);
    CHECK(must_end(std::move(flying)) == names[0]);
    // Who took the old one before the change is served too; the connection goes with the answer.
    CHECK(must_end(house.spawn(ask(old, "select current_database()::text", intent::read, 5s))) == names[0]);
    CHECK(comes_true([&] { return house.sessions() == 1; }));
    old.reset();
    CHECK(comes_true([&] { return report(house).pools.size() == 1; }));

    auto secretive = target_of(names[1]);
    secretive.password = secret("changed");
    CHECK(get(std::make_shared<const postgres::conninfo>(secretive)) != moved);
}

awaitable<int> keep_busy(std::shared_ptr<postgres::pool> source, const std::atomic<bool>& stop, int& failed) {
    int done = 0;
    while (!stop) {
        const bool ok =
            (co_await ask(source, "select pg_sleep(0.01)::text || 'x'", intent::write, 10s)) == "x";
        ++(ok ? done : failed);
    }
    co_return done;
}

TEST_CASE("pool set: another budget at any moment costs nobody a request", "[integration]") {
    pool_house house({.budget = 8, .per_database = 4});
    const auto names = fresh_databases(3);
    std::atomic<bool> stop = false;
    int failed = 0;
    std::vector<std::future<int>> clients;
    for (const auto& each : names)
        for (int i = 0; i < 8; ++i)
            clients.push_back(house.spawn(keep_busy(house.pool(target_of(each)), stop, failed)));
    const auto set = [&](std::size_t budget) { house.on_reactor([&] { house.pools().set_budget(budget); }); };
    for (const std::size_t budget : {8, 2, 6, 1, 9, 3}) {
        set(budget);
        CHECK(comes_true([&] { return open_connections(house) == budget; }));
        for (int i = 0; i < 10; ++i) {
            CHECK(open_connections(house) <= budget);
            std::this_thread::sleep_for(20ms);
        }
        CHECK(comes_true([&] { return house.sessions() <= static_cast<int>(budget); }));
    }
    stop = true;
    for (auto& each : clients) CHECK(must_end(std::move(each)) > 0);
    CHECK(failed == 0);
}

TEST_CASE("pool set: a lower budget closes what has been idle longest first", "[integration]") {
    pool_house house({.budget = 3});
    const auto names = fresh_databases(3);
    for (const auto& each : names) REQUIRE(house.read(each, "select 'x'"));
    REQUIRE(open_connections(house) == 3);
    house.on_reactor([&] { house.pools().set_budget(1); });
    CHECK(open_connections(house) == 1);
    CHECK(report_of(house, names[2]).connections == 1);
    CHECK(comes_true([&] { return house.sessions() == 1; }));
}

TEST_CASE("pool set: who is asked for more keeps its connection, who is asked as much loses the longest idle",
          "[integration]") {
    pool_house house({.budget = 3});
    const auto names = fresh_databases(5);
    for (int i = 0; i < 20; ++i) REQUIRE(house.read(names[0], "select 'x'"));
    REQUIRE(house.read(names[1], "select 'x'"));
    REQUIRE(house.read(names[2], "select 'x'"));
    for (int i = 3; i < 5; ++i) {
        REQUIRE(house.read(names[i], "select 'x'"));
        CHECK(report_of(house, names[i]).connections == 1);
        CHECK(report_of(house, names[i - 2]).connections == 0);
        CHECK(report_of(house, names[0]).connections == 1);
    }
}

TEST_CASE("pool set: the report says who has, who waits and who fails", "[integration]") {
    pool_house house({.budget = 2, .per_database = 1, .most_in_flight = 2});
    const auto name = fresh_database_name();
    REQUIRE(house.read(name, "select 'x'"));
    std::vector<std::future<text_result>> all;
    for (int i = 0; i < 3; ++i) all.push_back(house.begin(name, "select pg_sleep(0.3)::text || 'x'"));
    CHECK(comes_true([&] { return report_of(house, name).in_flight == 2; }));
    auto stranger = target_of("absent");
    stranger.password = secret("wrong horse");
    CHECK(word(must_end(house.spawn(ask(house.pool(stranger), "select 'x'", intent::read, 5s)))) ==
          "unavailable");
    CHECK(word(must_end(house.spawn(ask(house.pool(stranger), "select 'x'", intent::read, 5s)))) ==
          "unavailable");

    const auto seen = report_of(house, name);
    CHECK(seen.connections == 1);
    CHECK(seen.idle == 0);
    CHECK(seen.waiting == 1);
    CHECK(seen.longest_wait > 0ms);
    CHECK(seen.opened == 1);
    CHECK_FALSE(seen.failing);
    CHECK(seen.last_failure.empty());

    const auto sick = report_of(house, "absent");
    CHECK(sick.failing);
    CHECK(sick.last_failure.find("password authentication failed") != std::string::npos);
    CHECK(sick.last_failure.find("wrong horse") == std::string::npos);
    CHECK(sick.retry_in <= 1250ms);

    // One whose time is up before a connection is free.
    CHECK(word(house.read(name, "select 'late'", 100ms)) != "ok");
    const auto totals = report(house).totals;
    CHECK(totals.budget == 2);
    CHECK(totals.open == 1);
    CHECK(totals.opened == 1);
    CHECK(totals.closed == 0);
    CHECK(totals.failing == 1);
    CHECK(totals.connect_failures >= 1);
    CHECK(totals.refused >= 1);
    CHECK(totals.timed_out_waiting == 1);
    for (auto& each : all) CHECK(must_end(std::move(each)) == "x");
}

}  // namespace
}  // namespace bulkhead::testing
