// SPDX-License-Identifier: Apache-2.0
// Transactions that have a connection for themselves: what takes effect and what is undone, who waits for
// whom, and what is left when one ends in the middle, straight to the server and through PgBouncer.
#include "persistence/postgres/transaction.hpp"

#include <boost/asio/steady_timer.hpp>

#include "persistence/postgres/scram.hpp"
#include "pool_fixture.hpp"
#include "support/pgbouncer.hpp"

namespace bulkhead::testing {
namespace {

using postgres::database;
using postgres::query;
using postgres::transaction;

/// Statements of one transaction, one after the other, and how it is to end.
struct script {
    std::vector<std::string> statements;
    enum class ending { commit, none } at_the_end = ending::commit;
    std::chrono::milliseconds pause{0};  // before the end, with the transaction open
};

awaitable<void> wait_for(std::chrono::milliseconds time) {
    steady_timer timer(co_await net::this_coro::executor, time);
    co_await timer.async_wait(net::use_awaitable_t<executor>{});
}

/// What each statement said, then what the end said.
awaitable<std::string> play(database db, script what) {
    std::string out;
    auto begun = co_await db.begin();
    if (!begun) co_return "begin: " + word(begun);
    for (const auto& sql : what.statements) {
        const query each{postgres::statement(std::string_view(sql)), {}};
        const auto done = co_await begun->open.run({&each, 1});
        out += (done && !done->front().empty() ? (*done)[0][0].get<std::string>(0) : word(done)) + " ";
    }
    if (what.pause.count() > 0) co_await wait_for(what.pause);
    if (what.at_the_end == script::ending::none) co_return out + "left";
    const auto end = co_await begun->open.commit();
    co_return out + word(end);
}

struct fixture {
    pool_house house;
    std::string name = fresh_database_name();

    explicit fixture(postgres::pool_settings settings = {}) : house(std::move(settings)) {
        execute("create table t (id int primary key)");
    }

    database db(std::chrono::milliseconds time = 20s) {
        return {house.pool(target_of(name)), runtime::deadline::in(time)};
    }
    std::string execute(const std::string& sql) const { return shared_servers().execute(name, sql); }
    std::string ids() const { return execute("select string_agg(id::text, ',' order by id) from t"); }
    std::future<std::string> begin(script what, std::chrono::milliseconds time = 20s) {
        return house.spawn(play(db(time), std::move(what)));
    }
    std::string run(script what, std::chrono::milliseconds time = 20s) {
        return must_end(begin(std::move(what), time));
    }
    /// Sessions of ours that are in a transaction.
    int open_transactions() const {
        return std::stoi(
            execute(fmt::format("select count(*) from pg_stat_activity where datname = '{}' and "
                                "state like 'idle in transaction%'",
                                name)));
    }
    /// The script has the answers to all of its statements, and its transaction is open.
    bool pauses() {
        return comes_true([&] { return open_transactions() == 1 && house.usage().in_flight == 0; });
    }
    bool all_given_back() {
        return comes_true([&] {
            const auto usage = house.usage();
            return usage.idle == usage.connections && usage.in_flight == 0 && open_transactions() == 0;
        });
    }
};

TEST_CASE("transaction: what is committed holds, what is left is undone", "[integration]") {
    fixture f({.budget = 2, .per_database = 2});
    CHECK(f.run({{"insert into t values (1)", "select count(*)::text from t", "insert into t values (2)"}}) ==
          "ok 1 ok ok");
    CHECK(f.ids() == "1,2");
    CHECK(f.run({{"insert into t values (3)"}, script::ending::none}) == "ok left");
    CHECK(f.all_given_back());
    CHECK(f.ids() == "1,2");
    // The connections are good for everybody again.
    for (int i = 0; i < 10; ++i) CHECK(f.house.read(f.name, "select 'x'") == "x");
    CHECK(f.house.pools().counters().closed.value() == 0);
}

TEST_CASE("transaction: the first failure is the end of it", "[integration]") {
    fixture f({.budget = 1});
    CHECK(f.run({{"insert into t values (1)", "insert into t values (1)", "insert into t values (2)"}}) ==
          "ok conflict conflict conflict");
    CHECK(f.run({{"insert into t values (1)", "insert into t values (1/0)"}, script::ending::none}) ==
          "ok internal left");
    CHECK(f.all_given_back());
    CHECK(f.ids().empty());
    CHECK(f.house.pools().counters().closed.value() == 0);
}

TEST_CASE("transaction: has a connection for itself, and others wait their turn", "[integration]") {
    fixture f({.budget = 1});
    REQUIRE(f.house.read(f.name, "select 'warm'"));
    auto first = f.begin({{"insert into t values (1)"}, script::ending::commit, 1500ms});
    REQUIRE(f.pauses());
    // Behind it, in order: a read must not get into somebody's transaction.
    auto outside = f.house.begin(f.name, "select count(*)::text from t");
    auto second = f.begin({{"select count(*)::text from t", "insert into t values (2)"}});
    CHECK(f.house.usage().waiting == 2);
    CHECK(must_end(std::move(first)) == "ok ok");
    CHECK(must_end(std::move(outside)) == "1");
    CHECK(must_end(std::move(second)) == "1 ok ok");
    CHECK(f.ids() == "1,2");
}

TEST_CASE("transaction: reads go on beside it while there are connections", "[integration]") {
    fixture f({.budget = 3, .per_database = 3});
    auto open = f.begin({{"insert into t values (1)"}, script::ending::commit, 1500ms});
    REQUIRE(f.pauses());
    for (int i = 0; i < 50; ++i) CHECK(f.house.read(f.name, "select count(*)::text from t") == "0");
    CHECK(must_end(std::move(open)) == "ok ok");
}

TEST_CASE("transaction: many at once share the budget and none is lost", "[integration]") {
    fixture f({.budget = 4, .per_database = 4});
    std::vector<std::future<std::string>> all;
    for (int i = 0; i < 200; ++i)
        all.push_back(f.begin({{fmt::format("insert into t values ({})", i), "select 'r'"},
                               i % 4 == 0 ? script::ending::none : script::ending::commit}));
    std::vector<std::future<text_result>> reads;
    for (int i = 0; i < 200; ++i) reads.push_back(f.house.begin(f.name, "select 'x'"));
    int committed = 0;
    for (auto& each : all) committed += must_end(std::move(each)) == "ok r ok" ? 1 : 0;
    for (auto& each : reads) CHECK(must_end(std::move(each)) == "x");
    CHECK(committed == 150);
    CHECK(f.execute("select count(*) from t") == "150");
    CHECK(f.all_given_back());
    CHECK(f.house.sessions() <= 4);
}

TEST_CASE("transaction: databases that starve get connections that keep being lent", "[integration]") {
    fixture f({.budget = 1, .per_database = 1});
    const auto other = fresh_database_name();
    std::vector<std::future<std::string>> all;
    for (int i = 0; i < 40; ++i)
        all.push_back(f.begin({{fmt::format("insert into t values ({})", i)}, script::ending::commit, 20ms}));
    REQUIRE(comes_true([&] { return f.open_transactions() == 1; }));
    const auto began = steady_clock::now();
    CHECK(f.house.read(other, "select 'x'") == "x");
    const auto waited = steady_clock::now() - began;
    for (auto& each : all) CHECK(must_end(std::move(each)) == "ok ok");
    CHECK(f.execute("select count(*) from t") == "40");
    CHECK(waited < 20s);
}

TEST_CASE("transaction: ends with its deadline, wherever it is", "[integration]") {
    fixture f({.session = {.client_check_interval = 20ms}, .budget = 1});
    REQUIRE(f.house.read(f.name, "select 'warm'"));
    CHECK(f.run({{"insert into t values (1)", "select pg_sleep(30)::text"}}, 400ms) ==
          "ok deadline-exceeded deadline-exceeded");
    // Its session is gone, and so is what it did; the next one does not wait for the sleeper.
    CHECK(f.run({{"select count(*)::text from t"}}) == "0 ok");
    CHECK(f.ids().empty());

    auto holder = f.begin({{"insert into t values (2)"}, script::ending::commit, 1500ms});
    REQUIRE(f.pauses());
    CHECK(f.run({{"insert into t values (3)"}}, 300ms) == "begin: unavailable");
    CHECK(must_end(std::move(holder)) == "ok ok");
    CHECK(f.run({{"insert into t values (4)"}, script::ending::commit, 500ms}, 250ms) ==
          "ok deadline-exceeded");
    CHECK(f.all_given_back());
    CHECK(f.ids() == "2");
}

TEST_CASE("transaction: a lost connection undoes it and is told", "[integration]") {
    fixture f({.budget = 2, .per_database = 2});
    auto open = f.begin({{"insert into t values (1)"}, script::ending::commit, 1500ms});
    REQUIRE(f.pauses());
    f.execute(
        fmt::format("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}' and "
                    "state like 'idle in transaction%'",
                    f.name));
    CHECK(must_end(std::move(open)) == "ok unavailable");
    CHECK(f.ids().empty());
    // One that finds only a dead connection begins on another.
    REQUIRE(f.house.read(f.name, "select 'x'") == "x");
    f.execute(
        fmt::format("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}' and "
                    "application_name = '{}'",
                    f.name, f.house.name()));
    CHECK(f.run({{"insert into t values (2)"}}) == "ok ok");
    CHECK(f.all_given_back());
}

TEST_CASE("transaction: a pool that is closed ends its transactions with the reason", "[integration]") {
    fixture f;
    const auto source = f.house.pool(target_of(f.name));
    auto open = f.begin({{"insert into t values (1)"}, script::ending::commit, 1500ms});
    REQUIRE(f.pauses());
    f.house.on_reactor([&] { source->close({.code = errc::tenant_suspended}); });
    CHECK(must_end(std::move(open)) == "ok tenant-suspended");
    CHECK(comes_true([&] { return f.open_transactions() == 0; }));
    CHECK(f.ids().empty());
}

TEST_CASE("transaction: a shrinking budget waits for its end", "[integration]") {
    fixture f({.budget = 2, .per_database = 2});
    auto open = f.begin({{"insert into t values (1)"}, script::ending::commit, 1500ms});
    REQUIRE(f.pauses());
    f.house.on_reactor([&] { f.house.pools().set_budget(0); });
    CHECK(must_end(std::move(open)) == "ok ok");
    CHECK(comes_true([&] { return f.house.usage().connections == 0; }));
    CHECK(f.ids() == "1");
}

awaitable<std::string> opened_with(database db, std::vector<query> first) {
    auto begun = co_await db.begin(std::move(first));
    if (!begun) co_return word(begun);
    std::string out;
    for (const auto& each : begun->rows) out += each[0].get<std::string>(0);
    const auto end = co_await begun->open.commit();
    co_return out + " " + word(end);
}

TEST_CASE("transaction: may begin with statements of its own", "[integration]") {
    fixture f({.budget = 1});
    std::vector<query> two{{"select 'a'", {}}, {"select 'b'", {}}};
    CHECK(must_end(f.house.spawn(opened_with(f.db(), std::move(two)))) == "ab ok");
    std::vector<query> wrong{{"select 'a'", {}}, {"select (1/0)::text", {}}};
    CHECK(must_end(f.house.spawn(opened_with(f.db(), std::move(wrong)))) == "internal");
    CHECK(f.run({{"insert into t values (1)"}}) == "ok ok");
    // A plan that a migration has made useless: begun anew, on another connection.
    f.execute("create table wide (a text); insert into wide values ('x')");
    const auto read_wide = [&] {
        std::vector<query> one{{"select * from wide", {}}};
        return must_end(f.house.spawn(opened_with(f.db(), std::move(one))));
    };
    CHECK(read_wide() == "x ok");
    f.execute("alter table wide add b text");
    CHECK(read_wide() == "x ok");
    CHECK(f.all_given_back());
}

/// A scope as a request has one: begins with the first write.
class lazy_scope final : public postgres::write_scope {
public:
    explicit lazy_scope(database db) : db_(std::move(db)) {}
    awaitable<result<std::shared_ptr<transaction>>> enter() override {
        if (!open_) {
            auto begun = co_await db_.begin();
            if (!begun) co_return std::unexpected(std::move(begun.error()));
            open_ = std::make_shared<transaction>(std::move(begun->open));
        }
        co_return open_;
    }
    [[nodiscard]] std::shared_ptr<transaction> entered() const override { return open_; }

private:
    database db_;
    std::shared_ptr<transaction> open_;
};

/// A repository that knows nothing of it: reads, writes, writes several, and one transaction of its own.
awaitable<std::string> use(database db, bool commit_part, bool commit_all) {
    const auto scope = std::make_shared<lazy_scope>(db);
    const auto inside = db.within(scope);
    const auto count = [](const result<postgres::result_set>& rows) {
        return rows ? (*rows)[0].get<std::string>(0) : word(rows);
    };
    std::string out = count(co_await inside.read("select count(*)::text from t"));
    if (scope->entered()) co_return "a read has begun a transaction";
    const auto one = co_await inside.write("insert into t values (1)");
    std::vector<query> two{{"insert into t values (2)", {}}, {"insert into t values (3)", {}}};
    const auto both = co_await inside.write_all(std::move(two));
    out += " " + word(one) + " " + word(both) + " " +
           count(co_await inside.read("select count(*)::text from t")) + "/" +
           count(co_await db.read("select count(*)::text from t"));
    {
        auto part = co_await inside.begin();
        const query more{"insert into t values (4)", {}};
        (void)co_await part->open.run({&more, 1});
        if (commit_part) (void)co_await part->open.commit();
    }
    if (!commit_all) co_return out;
    const auto end = co_await scope->entered()->commit();
    co_return out + " " + word(end);
}

TEST_CASE("transaction: repositories run inside one without their knowing", "[integration]") {
    fixture f({.budget = 2, .per_database = 2});
    CHECK(must_end(f.house.spawn(use(f.db(), true, false))) == "0 ok ok 3/0");
    CHECK(f.all_given_back());
    CHECK(f.ids().empty());
    CHECK(must_end(f.house.spawn(use(f.db(), false, true))) == "0 ok ok 3/0 internal");
    CHECK(f.all_given_back());
    CHECK(f.ids().empty());
    CHECK(must_end(f.house.spawn(use(f.db(), true, true))) == "0 ok ok 3/0 ok");
    CHECK(f.ids() == "1,2,3,4");
}

/// A database and a role that PgBouncer lets in, as tenants have them.
struct pooled {
    pgbouncer between{shared_servers()};
    std::string name = fresh_database_name();
    postgres::conninfo target = target_of(name).with_login(name, name, secret("password of " + name));

    pooled() {
        auto& servers = shared_servers();
        const auto verifier = postgres::scram_verifier(target.password.reveal(), 1).value();
        servers.execute(name, fmt::format("create role {} login password '{}'", name, verifier));
        servers.execute(name, fmt::format("grant connect on database {0} to {0}", name));
        servers.execute(name, fmt::format("create table t (id int primary key); grant all on t to {}", name));
    }
    postgres::pool_settings settings() const {
        const auto server = target_of("bulkhead");
        return {.pooler = postgres::pooler{between.host(), between.port(), server.host, server.port},
                .budget = 3,
                .per_database = 3};
    }
};

TEST_CASE("transaction: keeps its session behind a PgBouncer", "[integration]") {
    auto place = std::make_unique<pooled>();
    const auto name = place->name;
    {
        pool_house house(place->settings());
        const auto source = house.pool(place->target);
        std::vector<std::future<std::string>> all;
        for (int i = 0; i < 60; ++i)
            all.push_back(house.spawn(play({source, runtime::deadline::in(20s)},
                                           {{fmt::format("insert into t values ({})", i),
                                             "select pg_backend_pid()::text", "select pg_backend_pid()::text",
                                             fmt::format("select count(*)::text from t where id = {}", i)},
                                            i % 3 == 0 ? script::ending::none : script::ending::commit})));
        for (int i = 0; i < 60; ++i) {
            const auto said = must_end(std::move(all[static_cast<std::size_t>(i)]));
            INFO(said);
            const auto first = said.find(' ') + 1, second = said.find(' ', first) + 1;
            CHECK(said.substr(first, second - first) == said.substr(second, second - first));
            CHECK(said.ends_with(i % 3 == 0 ? " 1 left" : " 1 ok"));
        }
        house.stop();
        place->between.restart();
    }
    CHECK(shared_servers().execute(name, "select count(*) from t") == "40");
    place.reset();
}

}  // namespace
}  // namespace bulkhead::testing
