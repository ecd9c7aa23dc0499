// SPDX-License-Identifier: Apache-2.0
// Pools against a real server: values there and back, neighbours in a pipeline, transactions, prepared
// statements and deadlines.
#include "persistence/postgres/pool.hpp"

#include <algorithm>
#include <set>

#include "pool_fixture.hpp"

namespace bulkhead::testing {
namespace {

using postgres::database;
using postgres::query;

struct fixture {
    pool_house house;
    std::string name = fresh_database_name();

    explicit fixture(postgres::pool_settings settings = {}) : house(std::move(settings)) {}

    database db(std::chrono::milliseconds time = 20s) {
        return {house.pool(target_of(name)), runtime::deadline::in(time)};
    }
    std::string execute(const std::string& sql) { return shared_servers().execute(name, sql); }
};

template <class T>
awaitable<T> echo(database db, std::string type, T value) {
    const auto sql = fmt::format("select $1::{}", type);
    const auto rows = co_await db.read(std::string_view(sql), value);
    if (!rows) throw std::runtime_error(word(rows));
    co_return (*rows)[0].template get<T>(0);
}

template <class T>
void check_echo(fixture& f, const std::string& type, const std::vector<T>& values) {
    for (const auto& each : values) {
        CHECK(must_end(f.house.spawn(echo(f.db(), type, each))) == each);
        CHECK(must_end(f.house.spawn(echo(f.db(), type, std::optional(each)))) == each);
    }
    CHECK(must_end(f.house.spawn(echo(f.db(), type, std::optional<T>{}))) == std::nullopt);
}

TEST_CASE("pool: values of every type come back as they went", "[integration]") {
    fixture f;
    check_echo<std::string>(f, "text",
                            {"", "a", "O'Hara; drop table x --", "Grüße, 世界 🌍", std::string(100'000, 'x')});
    check_echo<bool>(f, "bool", {true, false});
    check_echo<std::int16_t>(f, "int2", {INT16_MIN, -1, 0, INT16_MAX});
    check_echo<std::int32_t>(f, "int4", {INT32_MIN, -1, 0, INT32_MAX});
    check_echo<std::int64_t>(f, "int8", {INT64_MIN, -1, 0, INT64_MAX});
    check_echo<uuid>(f, "uuid", {uuid::generate(), uuid{}});
    const utc_time epoch{};
    check_echo<utc_time>(f, "timestamptz",
                         {epoch, epoch - 1us, epoch + std::chrono::seconds{1'900'000'000} + 123'457us});
}

TEST_CASE("pool: a timestamp means the same to the server", "[integration]") {
    fixture f;
    const utc_time when = utc_time{} + std::chrono::seconds{1'700'000'000} + 123'456us;
    f.execute("create table moments (at timestamptz)");
    const auto insert = [](database db, utc_time at) -> awaitable<result<postgres::result_set>> {
        co_return co_await db.write("insert into moments values ($1)", at);
    };
    const auto inserted = must_end(f.house.spawn(insert(f.db(), when)));
    REQUIRE(inserted);
    CHECK(inserted->affected() == 1);
    CHECK(f.execute("select to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') from moments") ==
          "2023-11-14 22:13:20.123456");
}

TEST_CASE("pool: many reads share few connections and each gets its own row", "[integration]") {
    fixture f({.budget = 4, .per_database = 2});
    std::vector<std::future<text_result>> all;
    for (int i = 0; i < 500; ++i)
        all.push_back(f.house.begin(f.name, fmt::format("select '{}'::text", i % 20)));
    for (int i = 0; i < 500; ++i)
        CHECK(must_end(std::move(all[static_cast<std::size_t>(i)])) == std::to_string(i % 20));
    const auto usage = f.house.usage();
    CHECK(usage.connections <= 2);
    CHECK(usage.in_flight == 0);
    CHECK(usage.waiting == 0);
    CHECK(f.house.sessions() <= 2);
}

TEST_CASE("pool: a queue beyond its bound is refused at once", "[integration]") {
    fixture f({.budget = 1, .most_in_flight = 1, .most_waiting = 3});
    std::vector<std::future<text_result>> all;
    const auto began = steady_clock::now();
    for (int i = 0; i < 10; ++i) all.push_back(f.house.begin(f.name, "select pg_sleep(0.3)::text"));
    std::map<std::string, int> words;
    for (auto& each : all) {
        const auto outcome = must_end(std::move(each));
        ++words[word(outcome)];
        if (!outcome) CHECK(steady_clock::now() - began < 10s);
    }
    CHECK(words["unavailable"] >= 6);
    CHECK(words["ok"] == 10 - words["unavailable"]);
}

TEST_CASE("pool: a failing statement leaves its neighbours in the pipeline alone", "[integration]") {
    fixture f({.budget = 1});
    REQUIRE(f.house.read(f.name, "select 'warm'"));
    const std::vector<std::pair<std::string, std::string>> table{
        {"select 'one'", "ok"},       {"select (1/0)::text", "internal"},
        {"select 'two'", "ok"},       {"select absent from nowhere", "internal"},
        {"select 'two'", "ok"},       {"select absent from nowhere", "internal"},
        {"not even SQL", "internal"}, {"select absent from nowhere", "internal"},
        {"select 'three'", "ok"},     {"select (1/0)::text", "internal"},
    };
    const auto session = f.house.read(f.name, "select pg_backend_pid()::text");
    std::vector<std::future<text_result>> all;
    for (int round = 0; round < 20; ++round)
        for (const auto& [sql, expected] : table) all.push_back(f.house.begin(f.name, sql));
    for (std::size_t i = 0; i < all.size(); ++i) {
        INFO(table[i % table.size()].first);
        CHECK(word(must_end(std::move(all[i]))) == table[i % table.size()].second);
    }
    CHECK(f.house.read(f.name, "select pg_backend_pid()::text") == session);
}

awaitable<result<std::vector<postgres::result_set>>> write_both(database db, std::string first,
                                                                std::string second) {
    std::vector<query> both{{std::string_view(first), {}}, {std::string_view(second), {}}};
    co_return co_await db.write_all(std::move(both));
}

TEST_CASE("pool: several statements take effect together or not at all", "[integration]") {
    fixture f({.budget = 1});
    f.execute("create table t (id int primary key)");
    CHECK(must_end(f.house.spawn(write_both(f.db(), "insert into t values (1)", "insert into t values (2)")))
              ->size() == 2);
    const auto failed =
        must_end(f.house.spawn(write_both(f.db(), "insert into t values (3)", "insert into t values (1)")));
    CHECK(word(failed) == "conflict");
    CHECK(f.execute("select string_agg(id::text, ',' order by id) from t") == "1,2");
    CHECK(word(f.house.write(f.name, "insert into t values (2)")) == "conflict");
    CHECK(f.house.write(f.name, "insert into t values (3)"));
}

// The first statement fails, so the server skips the second; whoever uses the second next must not notice.
TEST_CASE("pool: a statement behind a failed one is prepared all the same", "[integration]") {
    fixture f({.budget = 1});
    f.execute("create table t (id int primary key); insert into t values (1)");
    REQUIRE(f.house.read(f.name, "select 'warm'"));
    auto one = f.house.spawn(write_both(f.db(), "insert into t values (1)", "insert into t values (50)"));
    auto two = f.house.begin(f.name, "insert into t values (50)", intent::write);
    CHECK(word(must_end(std::move(one))) == "conflict");
    CHECK(word(must_end(std::move(two))) == "ok");
}

TEST_CASE("pool: more statements than a session keeps prepared", "[integration]") {
    fixture f({.budget = 1});
    std::set<std::string> sessions;
    for (int round = 0; round < 3; ++round) {
        std::vector<std::future<text_result>> all;
        for (int i = 0; i < 400; ++i)
            all.push_back(f.house.begin(f.name, fmt::format("select '{}'::text", i)));
        for (int i = 0; i < 400; ++i)
            CHECK(must_end(std::move(all[static_cast<std::size_t>(i)])) == std::to_string(i));
        sessions.insert(f.house.read(f.name, "select pg_backend_pid()::text").value());
        // The statement that counts is one more: the oldest goes behind it.
        CHECK(std::stoi(f.house.read(f.name, "select count(*)::text from pg_prepared_statements").value()) <=
              257);
    }
    CHECK(sessions.size() == 1);
}

awaitable<result<std::vector<postgres::result_set>>> write_many(database db, std::vector<std::string> texts) {
    std::vector<query> all;
    for (const auto& each : texts) all.push_back({std::string_view(each), {}});
    co_return co_await db.write_all(std::move(all));
}

TEST_CASE("pool: one transaction of more statements than a session keeps prepared", "[integration]") {
    fixture f({.budget = 1});
    f.execute("create table t (id int)");
    std::vector<std::string> texts;
    for (int i = 0; i < 300; ++i) texts.push_back(fmt::format("insert into t values ({})", i));
    for (int i = 0; i < 300; i += 7) texts.push_back(texts[static_cast<std::size_t>(i)]);
    CHECK(word(must_end(f.house.spawn(write_many(f.db(), texts)))) == "ok");
    CHECK(word(must_end(f.house.spawn(write_many(f.db(), texts)))) == "ok");
    CHECK(f.execute("select count(*) from t") == std::to_string(2 * texts.size()));
}

TEST_CASE("pool: a migration that changes a result's columns fails nobody", "[integration]") {
    fixture f({.budget = 4, .per_database = 4});
    f.execute("create table t (a text); insert into t values ('x')");
    std::vector<std::future<text_result>> sleeping;  // so that several sessions know the statement
    for (int i = 0; i < 4; ++i)
        sleeping.push_back(f.house.begin(f.name, "update t set a = a returning *", intent::write));
    for (auto& each : sleeping) CHECK(must_end(std::move(each)) == "x");
    f.execute("alter table t add column b int");
    for (int i = 0; i < 20; ++i) CHECK(f.house.write(f.name, "update t set a = a returning *") == "x");
}

TEST_CASE("pool: an answer that comes too late is given up, and the pool goes on", "[integration]") {
    fixture f({.budget = 2, .per_database = 2});
    REQUIRE(f.house.read(f.name, "select 'warm'"));
    const auto began = steady_clock::now();
    const auto late = f.house.read(f.name, "select pg_sleep(1)::text", 200ms);
    CHECK(word(late) == "deadline-exceeded");
    CHECK(steady_clock::now() - began < 800ms);
    CHECK(f.house.read(f.name, "select 'x'") == "x");  // on another connection: that one still sleeps
    CHECK(steady_clock::now() - began < 900ms);
    CHECK(comes_true([&] { return f.house.usage().in_flight == 0; }));
    CHECK(f.house.read(f.name, "select 'y'") == "y");
}

TEST_CASE("pool: who waits behind an abandoned statement is served when it ends", "[integration]") {
    fixture f({.budget = 1});
    REQUIRE(f.house.read(f.name, "select 'warm'"));
    auto late = f.house.begin(f.name, "select pg_sleep(1)::text", intent::read, 200ms);
    CHECK(word(must_end(std::move(late))) == "deadline-exceeded");
    CHECK(f.house.write(f.name, "select 'z'", 3s) == "z");
}

TEST_CASE("pool: a session that stays silent is dropped, and a read behind it repeated", "[integration]") {
    fixture f({.budget = 1});
    const auto session = f.house.read(f.name, "select pg_backend_pid()::text");
    auto stuck = f.house.begin(f.name, "select pg_sleep(20)::text", intent::read, 200ms);
    auto behind = f.house.begin(f.name, "select pg_backend_pid()::text");
    CHECK(word(must_end(std::move(stuck))) == "deadline-exceeded");
    const auto other = must_end(std::move(behind));
    CHECK(other);
    CHECK(other != session);
    f.execute("select pg_terminate_backend(" + session.value() + ")");
}

TEST_CASE("pool: who waits for a connection until the deadline hears that there was none", "[integration]") {
    fixture f({.budget = 1, .most_in_flight = 1});
    REQUIRE(f.house.read(f.name, "select 'warm'"));
    auto first = f.house.begin(f.name, "select pg_sleep(0.8)::text");
    const auto second = f.house.read(f.name, "select 'x'", 200ms);
    CHECK(word(second) == "unavailable");
    CHECK(must_end(std::move(first)));
    CHECK(f.house.read(f.name, "select 'x'") == "x");
}

TEST_CASE("pool: nothing is sent when the time is up already", "[integration]") {
    fixture f;
    f.execute("create table t (id int)");
    CHECK(word(f.house.write(f.name, "insert into t values (1)", 0ms)) == "deadline-exceeded");
    CHECK(f.execute("select count(*) from t") == "0");
}

// More than both sockets hold in both directions: neither side may wait for the other for ever.
TEST_CASE("pool: large statements and large answers at the same time", "[integration]") {
    fixture f({.budget = 1});
    std::vector<std::future<std::string>> all;
    for (int i = 0; i < 24; ++i)
        all.push_back(
            f.house.spawn(echo(f.db(), "text", std::string(2'000'000, static_cast<char>('a' + i)))));
    for (int i = 0; i < 24; ++i)
        CHECK(must_end(std::move(all[static_cast<std::size_t>(i)])) ==
              std::string(2'000'000, static_cast<char>('a' + i)));
}

}  // namespace
}  // namespace bulkhead::testing
