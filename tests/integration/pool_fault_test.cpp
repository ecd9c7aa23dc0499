// SPDX-License-Identifier: Apache-2.0
// Pools while sessions, servers and logins fail: every operation ends, writes are never repeated, and the
// pool recovers by itself.
#include <libpq-fe.h>
#include <signal.h>

#include <atomic>
#include <charconv>
#include <map>
#include <sstream>

#include "pool_fixture.hpp"

namespace bulkhead::testing {
namespace {

struct fixture {
    pool_house house;
    std::string name = fresh_database_name();

    explicit fixture(postgres::pool_settings settings = {}) : house(std::move(settings)) {}

    std::string execute(const std::string& sql) { return shared_servers().execute(name, sql); }
    void terminate_sessions() {
        execute(fmt::format(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = '{}'",
            house.name()));
    }
    /// The database answers again, within `time`.
    bool recovers(std::chrono::milliseconds time) {
        return comes_true([this] { return house.read(name, "select 'x'", 1s) == "x"; }, time);
    }
};

/// Ends the server for a part of a test.
struct outage {
    explicit outage(bool by_kill = false) {
        if (by_kill)
            shared_servers().kill_postgres();
        else
            shared_servers().stop_postgres();
    }
    ~outage() { end(); }
    void end() {
        if (std::exchange(over_, true)) return;
        shared_servers().start_postgres();
    }

private:
    bool over_ = false;
};

/// All processes of the server stand still.
struct frozen_server {
    frozen_server() {
        std::istringstream list(
            shared_servers().execute("bulkhead",
                                     "select split_part(pg_read_file('postmaster.pid'), E'\\n', 1) || ' ' || "
                                     "coalesce(string_agg(pid::text, ' '), '') "
                                     "from pg_stat_activity where pid <> pg_backend_pid()"));
        for (pid_t each; list >> each;) pids_.push_back(each);
        signal_all(SIGSTOP);
    }
    ~frozen_server() { thaw(); }
    void thaw() {
        signal_all(SIGCONT);
        pids_.clear();
    }

private:
    void signal_all(int what) const {
        for (const auto each : pids_) kill(each, what);
    }
    std::vector<pid_t> pids_;
};

TEST_CASE("pool: a read whose session is killed is repeated, a write is not", "[integration]") {
    fixture f({.budget = 1});
    f.execute("create table t (id int)");
    auto read = f.house.begin(f.name, "select pg_sleep(0.5)::text || 'done'");
    CHECK(comes_true([&] { return f.house.usage().in_flight == 1; }));
    std::this_thread::sleep_for(100ms);
    f.terminate_sessions();
    CHECK(must_end(std::move(read)) == "done");

    auto write = f.house.begin(f.name, "insert into t select 1 from pg_sleep(0.5)", intent::write);
    std::this_thread::sleep_for(200ms);
    f.terminate_sessions();
    CHECK(word(must_end(std::move(write))) == "unavailable");
    CHECK(f.execute("select count(*) from t") == "0");
    CHECK(f.house.write(f.name, "insert into t values (2)"));
}

TEST_CASE("pool: a read that kills its session is repeated only once", "[integration]") {
    fixture f({.budget = 1});
    f.execute("create sequence tries");
    const auto suicide = f.house.read(
        f.name, "select (nextval('tries')::text || pg_terminate_backend(pg_backend_pid())::text)");
    CHECK(word(suicide) == "unavailable");
    CHECK(f.execute("select last_value from tries") == "2");
    CHECK(f.house.read(f.name, "select 'x'") == "x");
}

TEST_CASE("pool: an idle session that the server ends costs nobody a request", "[integration]") {
    fixture f({.budget = 1});
    for (int i = 0; i < 5; ++i) {
        CHECK(f.house.write(f.name, "select 'x'"));
        f.terminate_sessions();
        CHECK(comes_true([&] { return f.house.usage().connections == 0; }));
    }
}

TEST_CASE("pool: while the server is away requests fail at once, and work again soon after",
          "[integration]") {
    for (const bool by_kill : {false, true}) {
        fixture f({.budget = 4});
        for (int i = 0; i < 4; ++i) REQUIRE(f.house.read(f.name, "select 'x'"));
        auto flying = f.house.begin(f.name, "select pg_sleep(30)::text", intent::write);
        std::this_thread::sleep_for(100ms);
        outage away(by_kill);
        CHECK(word(must_end(std::move(flying))) == "unavailable");
        const auto began = steady_clock::now();
        CHECK(word(f.house.read(f.name, "select 'x'")) == "unavailable");
        CHECK(steady_clock::now() - began < 3500ms);
        for (int i = 0; i < 20; ++i) {
            const auto each = steady_clock::now();
            CHECK(word(f.house.read(f.name, "select 'x'")) == "unavailable");
            CHECK(steady_clock::now() - each < 500ms);
            std::this_thread::sleep_for(30ms);
        }
        CHECK(f.house.usage().connections == 0);
        away.end();
        CHECK(f.recovers(2s));
    }
}

awaitable<int> load(std::shared_ptr<postgres::pool> source, const std::atomic<bool>& stop, intent kind) {
    int rounds = 0;
    for (; !stop; ++rounds) (void)co_await ask(source, "select repeat('x', 5000)", kind, 2s);
    co_return rounds;
}

TEST_CASE("pool: kill -9 of the server under load leaves nothing behind", "[integration]") {
    fixture f({.budget = 4, .per_database = 4});
    std::atomic<bool> stop = false;
    std::vector<std::future<int>> clients;
    const auto source = f.house.pool(target_of(f.name));
    for (int i = 0; i < 40; ++i)
        clients.push_back(f.house.spawn(load(source, stop, i % 2 ? intent::read : intent::write)));
    for (int i = 0; i < 3; ++i) {
        std::this_thread::sleep_for(200ms);
        outage away(true);
        std::this_thread::sleep_for(100ms);
        away.end();
        CHECK(f.recovers(2s));
    }
    stop = true;
    for (auto& each : clients) CHECK(must_end(std::move(each)) > 0);
    const auto usage = f.house.usage();
    CHECK(usage.in_flight == 0);
    CHECK(usage.waiting == 0);
    const auto counted = [&] {
        return f.house.pools().open_connections() == f.house.pools().usage().connections;
    };
    CHECK(comes_true([&] { return f.house.on_reactor(counted); }));  // one may still be connecting
}

TEST_CASE("pool: a server that stands still is given up at the deadlines", "[integration]") {
    fixture f({.budget = 4, .per_database = 2, .connect_timeout = 1000ms});
    REQUIRE(f.house.read(f.name, "select 'x'"));
    frozen_server frozen;
    const auto began = steady_clock::now();
    std::vector<std::future<text_result>> all;
    for (int i = 0; i < 10; ++i)
        all.push_back(f.house.begin(f.name, "select 'x'", i % 2 ? intent::read : intent::write, 500ms));
    for (auto& each : all) CHECK_FALSE(must_end(std::move(each)));
    CHECK(steady_clock::now() - began < 1200ms);
    CHECK(comes_true([&] { return f.house.usage().connections == 0; }, 4s));
    // The kernel still accepts connections, nobody answers: one request at a time finds that out for the
    // others.
    int quick = 0;
    for (int i = 0; i < 10; ++i) {
        const auto each = steady_clock::now();
        CHECK_FALSE(f.house.read(f.name, "select 'x'", 3s));
        quick += steady_clock::now() - each < 100ms;
    }
    CHECK(quick >= 5);
    frozen.thaw();
    CHECK(f.recovers(3s));
}

TEST_CASE("pool: a wrong password or database is an unavailable database, told at once", "[integration]") {
    fixture f({.budget = 2});
    auto stranger = target_of(f.name);
    stranger.password = secret("wrong");
    const auto nowhere = stranger.with_database("absent");
    const auto right = target_of("absent");
    for (const auto& target : {stranger, nowhere, right})
        for (int i = 0; i < 3; ++i) {
            const auto outcome = must_end(f.house.spawn(ask(f.house.on_reactor([&] {
                return f.house.pools().get(fmt::format("{}/{}", target.dbname, target.password.size()),
                                           target);
            }),
                                                            "select 'x'", intent::read, 5s)));
            REQUIRE_FALSE(outcome);
            CHECK(outcome.why().code == errc::unavailable);
            CHECK(outcome.why().detail == "the database cannot be reached");
        }
    CHECK(f.house.on_reactor([&] { return f.house.pools().open_connections(); }) == 0);
    CHECK(f.house.read(f.name, "select 'x'") == "x");
}

/// Sessions of others, as many as the server admits.
class strangers {
public:
    explicit strangers(const std::string& database) {
        const auto role = fresh_database_name();  // a name that nobody has
        shared_servers().execute(database, fmt::format("create role {} login password 'x'", role));
        target_ = target_of(database).with_login(database, role, secret("x"));
        const postgres::connection_parameters parameters(target_, {});
        for (;;) {
            const auto session = std::shared_ptr<PGconn>(
                PQconnectdbParams(parameters.keywords(), parameters.values(), 0), &PQfinish);
            if (PQstatus(session.get()) != CONNECTION_OK) return;
            sessions_.push_back(session);
        }
    }
    void leave() { sessions_.clear(); }
    [[nodiscard]] const postgres::conninfo& target() const noexcept { return target_; }

private:
    postgres::conninfo target_;
    std::vector<std::shared_ptr<PGconn>> sessions_;
};

TEST_CASE(
    "pool: a server that strangers have filled is asked once a second, and who has a connection works on",
    "[integration]") {
    fixture f;
    REQUIRE(f.house.read(f.name, "select 'x'") == "x");
    strangers crowd(f.name);
    const auto refused = f.house.pool(crowd.target());
    const auto& counted = f.house.pools().counters();
    const auto began = steady_clock::now();
    int quick = 0;
    while (steady_clock::now() - began < 3s) {
        const auto each = steady_clock::now();
        CHECK(word(must_end(f.house.spawn(ask(refused, "select 'x'", intent::read, 10s)))) == "unavailable");
        quick += steady_clock::now() - each < 500ms;
        CHECK(f.house.read(f.name, "select 'x'") == "x");
        std::this_thread::sleep_for(5ms);
    }
    CHECK(quick > 10);
    CHECK(counted.connect_failures.value() >= 1);
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(steady_clock::now() - began).count();
    CHECK(counted.connect_failures.value() <= static_cast<std::uint64_t>(seconds));
    crowd.leave();
    CHECK(comes_true(
        [&] { return must_end(f.house.spawn(ask(refused, "select 'x'", intent::read, 10s))) == "x"; }));
}

/// Accepts connections, as a host with a stuck server does, and never says a word.
class silent_host {
public:
    silent_host() : acceptor_(context_, {net::ip::address_v4::loopback(), 0}) {}
    [[nodiscard]] std::string port() const { return std::to_string(acceptor_.local_endpoint().port()); }

private:
    net::io_context context_;
    net::ip::tcp::acceptor acceptor_;  // the kernel fills its backlog
};

TEST_CASE("pool: a database that hangs keeps nobody else waiting", "[integration]") {
    fixture f({.budget = 2, .connect_timeout = 1000ms});
    const silent_host silent;
    auto hung = target_of(f.name);
    hung.host = "127.0.0.1";
    hung.port = silent.port();
    const auto stuck = f.house.pool(hung);
    std::vector<std::future<text_result>> waiting;
    int slow = 0;
    for (int round = 0; round < 30; ++round) {
        for (int i = 0; i < 5; ++i)
            waiting.push_back(f.house.spawn(ask(stuck, "select 'x'", intent::read, 700ms)));
        const auto each = steady_clock::now();
        CHECK(f.house.read(f.name, "select 'x'") == "x");
        slow += steady_clock::now() - each > 500ms;
        std::this_thread::sleep_for(50ms);
    }
    CHECK(slow <= 3);
    for (auto& each : waiting) CHECK(word(must_end(std::move(each))) == "unavailable");
    CHECK(f.house.pools().counters().connect_failures.value() <= 3);
}

TEST_CASE("pool: a host that has a name, and one that has none", "[integration]") {
    fixture f;
    auto named = target_of(f.name);
    named.host = "localhost";  // may mean ::1 first, where nobody listens
    CHECK(must_end(f.house.spawn(ask(f.house.pool(named), "select 'x'", intent::read, 5s))) == "x");
    named.host = "no-such-host.invalid";
    CHECK(word(must_end(f.house.spawn(ask(f.house.pool(named), "select 'x'", intent::read, 10s)))) ==
          "unavailable");
}

TEST_CASE("pool: stop ends everything that waits or flies", "[integration]") {
    fixture f({.budget = 2, .per_database = 1, .most_in_flight = 4});
    std::vector<std::future<text_result>> all;
    for (int i = 0; i < 20; ++i)
        all.push_back(
            f.house.begin(f.name, "select pg_sleep(20)::text", i % 2 ? intent::read : intent::write));
    std::this_thread::sleep_for(200ms);
    const auto elsewhere = fresh_database_name();
    all.push_back(f.house.begin(elsewhere, "select pg_sleep(20)::text"));  // still connecting
    f.house.stop();
    for (auto& each : all) CHECK(word(must_end(std::move(each))) == "unavailable");
    CHECK(word(f.house.read(f.name, "select 'x'")) == "unavailable");
    CHECK(f.house.on_reactor([&] { return f.house.pools().open_connections(); }) == 0);
    f.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(20)%' and pid <> "
        "pg_backend_pid()");
}

}  // namespace
}  // namespace bulkhead::testing
