// SPDX-License-Identifier: Apache-2.0
// Several databases under one budget of connections: nobody exceeds it, and nobody starves.
#include <algorithm>
#include <atomic>

#include "pool_fixture.hpp"

namespace bulkhead::testing {
namespace {

awaitable<int> keep_busy(std::shared_ptr<postgres::pool> source, const std::atomic<bool>& stop, intent kind) {
    int done = 0;
    while (!stop) done += (co_await ask(source, "select pg_sleep(0.002)::text || 'x'", kind, 10s)) == "x";
    co_return done;
}

std::shared_ptr<postgres::pool> pool_of(pool_house& house, const std::string& database) {
    return house.pool(target_of(database));
}

std::size_t open_connections(pool_house& house) {
    return house.on_reactor([&] { return house.pools().open_connections(); });
}

TEST_CASE("budget: two databases take turns on one connection", "[integration]") {
    pool_house house({.budget = 1});
    const auto names = fresh_databases(2);
    for (int i = 0; i < 10; ++i)
        for (const auto& each : names) {
            CHECK(house.read(each, "select current_database()::text") == each);
            CHECK(open_connections(house) == 1);
            CHECK(comes_true([&] { return house.sessions() == 1; }));  // the other one takes a moment to go
        }
}

TEST_CASE("budget: many databases and few connections, all are served", "[integration]") {
    pool_house house({.budget = 3});
    const auto names = fresh_databases(10);
    std::vector<std::pair<std::string, std::future<text_result>>> all;
    for (int i = 0; i < 20; ++i)
        for (const auto& each : names)
            all.emplace_back(each, house.begin(each, "select current_database()::text",
                                               i % 2 ? intent::read : intent::write));
    for (auto& [name, outcome] : all) CHECK(must_end(std::move(outcome)) == name);
    CHECK(open_connections(house) <= 3);
    CHECK(house.usage().connections == open_connections(house));
}

// Their connections are never idle: without a share of time for each the first three would keep them for
// ever.
TEST_CASE("budget: databases that are always busy do not starve the others", "[integration]") {
    pool_house house({.budget = 3});
    const auto names = fresh_databases(8);
    std::atomic<bool> stop = false;
    std::vector<std::vector<std::future<int>>> clients(names.size());
    for (std::size_t i = 0; i < names.size(); ++i)
        for (int k = 0; k < 4; ++k)
            clients[i].push_back(
                house.spawn(keep_busy(pool_of(house, names[i]), stop, k % 2 ? intent::read : intent::write)));
    for (int i = 0; i < 30; ++i) {
        CHECK(open_connections(house) <= 3);
        CHECK(comes_true([&] { return house.sessions() <= 3; }));  // others are on their way out
        std::this_thread::sleep_for(100ms);
    }
    stop = true;
    for (auto& each : clients) {
        int done = 0;
        for (auto& client : each) done += must_end(std::move(client));
        CHECK(done >= 20);
    }
    CHECK(open_connections(house) <= 3);
}

TEST_CASE("budget: databases that wait are served in the order in which they came", "[integration]") {
    pool_house house({.budget = 1});
    const auto names = fresh_databases(6);
    auto busy = house.begin(names[0], "select pg_sleep(0.3)::text || 'x'");
    CHECK(comes_true([&] { return house.usage().in_flight == 1; }));
    std::vector<std::future<text_result>> others;
    for (std::size_t i = 1; i < names.size(); ++i)
        others.push_back(
            house.begin(names[i], "select to_char(clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS.US')"));
    std::vector<std::string> served;
    for (auto& each : others) served.push_back(must_end(std::move(each)).value());
    CHECK(std::ranges::is_sorted(served));
    CHECK(must_end(std::move(busy)) == "x");
}

TEST_CASE("budget: a busy database leaves its share to one that comes later", "[integration]") {
    pool_house house({.budget = 4, .per_database = 4});
    const auto names = fresh_databases(2);
    std::atomic<bool> stop = false;
    std::vector<std::future<int>> clients;
    for (int i = 0; i < 16; ++i)
        clients.push_back(house.spawn(keep_busy(pool_of(house, names[0]), stop, intent::write)));
    CHECK(comes_true([&] { return open_connections(house) == 4; }));
    const auto began = steady_clock::now();
    CHECK(house.read(names[1], "select 'x'", 5s) == "x");
    CHECK(steady_clock::now() - began < 2s);
    stop = true;
    for (auto& each : clients) CHECK(must_end(std::move(each)) > 0);
}

TEST_CASE("budget: writes spread, up to the cap of one database", "[integration]") {
    pool_house house({.budget = 8, .per_database = 3});
    const auto name = fresh_database_name();
    std::vector<std::future<text_result>> all;
    const auto one_more = [&] {
        all.push_back(house.begin(name, "select pg_sleep(0.05)::text", intent::write));
        return house.usage().connections == 3;
    };
    CHECK(comes_true(one_more));
    for (int i = 0; i < 20; ++i) one_more();
    for (auto& each : all) CHECK(must_end(std::move(each)));
    CHECK(house.sessions() == 3);
}

TEST_CASE("budget: idle and old connections are closed", "[integration]") {
    const auto name = fresh_database_name();
    SECTION("idle") {
        pool_house house({.idle_close = 200ms});
        CHECK(house.read(name, "select 'x'") == "x");
        CHECK(comes_true([&] { return house.sessions() == 0; }));
        CHECK(open_connections(house) == 0);
        CHECK(house.read(name, "select 'x'") == "x");
    }
    SECTION("old, though never idle") {
        pool_house house({.budget = 1, .most_age = 100ms});
        std::atomic<bool> stop = false;
        std::vector<std::future<int>> clients;
        const auto first = house.read(name, "select pg_backend_pid()::text");
        for (int i = 0; i < 4; ++i)
            clients.push_back(house.spawn(keep_busy(pool_of(house, name), stop, intent::read)));
        CHECK(comes_true([&] { return house.read(name, "select pg_backend_pid()::text") != first; }));
        stop = true;
        for (auto& each : clients) CHECK(must_end(std::move(each)) > 0);
    }
}

TEST_CASE("budget: a database that cannot be reached holds no connection from the others", "[integration]") {
    pool_house house({.budget = 1});
    const auto name = fresh_database_name();
    std::atomic<bool> stop = false;
    auto broken = target_of("absent");
    std::vector<std::future<int>> clients;
    for (int i = 0; i < 4; ++i)
        clients.push_back(house.spawn(keep_busy(house.pool(broken), stop, intent::read)));
    for (int i = 0; i < 50; ++i) CHECK(house.read(name, "select 'x'", 2s) == "x");
    stop = true;
    for (auto& each : clients) CHECK(must_end(std::move(each)) == 0);
}

}  // namespace
}  // namespace bulkhead::testing
