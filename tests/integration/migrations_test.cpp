// SPDX-License-Identifier: Apache-2.0
// The migration engine against a real server: atomicity, history, locks, and what the shipped files make.
#include <fmt/format.h>
#include <sys/types.h>

#include <atomic>
#include <csignal>
#include <deque>
#include <fstream>
#include <future>
#include <thread>

#include "base/testing/catch.hpp"
#include "fresh_database.hpp"
#include "persistence/migrations/advisory_lock.hpp"
#include "persistence/migrations/embedded.hpp"
#include "persistence/migrations/engine.hpp"
#include "persistence/postgres/session.hpp"

namespace bulkhead::migrations {
namespace {

using postgres::session;
using std::chrono::milliseconds;

struct fixture {
    testing::fresh_database fresh;
    postgres::conninfo control = postgres::parse_database_url(fresh.url()).value();

    [[nodiscard]] session connect() const { return session::open(control, std::chrono::seconds(5)).value(); }
};

/// Builds a set from up files; each down file drops nothing.
migration_set make_set(std::initializer_list<const char*> up_files) {
    static std::deque<std::string> texts;
    std::vector<embedded_file> files;
    int number = 0;
    for (const char* sql : up_files) {
        ++number;
        const auto& up = texts.emplace_back(fmt::format("{:04}_step.up.sql", number));
        files.push_back({up, sql});
        const auto& down = texts.emplace_back(fmt::format("{:04}_step.down.sql", number));
        files.push_back({down, "select 1"});
    }
    const auto& checksums = texts.emplace_back(make_checksums(files));
    files.push_back({"checksums", checksums});
    auto loaded = load_migrations("test", files);
    if (!loaded) throw std::runtime_error(loaded.error().message);
    return *std::move(loaded);
}

bool exists(session& db, std::string_view relation) {
    return db.run("select to_regclass($1) is not null", {relation}).value().boolean(0, 0);
}

std::int64_t number(session& db, std::string_view sql) { return db.run(sql).value().integer(0, 0); }

const apply_options hasty{.lock_wait = milliseconds(300),
                          .lock_timeout = milliseconds(100),
                          .attempts = 3,
                          .first_pause = milliseconds(20)};

TEST_CASE("migrations: run once, in order, and are recorded with their text", "[integration]") {
    const fixture f;
    auto db = f.connect();
    const auto set =
        make_set({"create table a (x int)", "insert into a values (1); insert into a values (2)"});
    REQUIRE(status(db, set)->pending.size() == 2);
    CHECK_FALSE(exists(db, "schema_migrations"));  // looking changes nothing

    const auto planned = apply(db, set, {.dry_run = true});
    REQUIRE(planned);
    CHECK(planned->applied.size() == 2);
    CHECK(planned->to == 2);
    CHECK_FALSE(exists(db, "a"));
    CHECK_FALSE(exists(db, "schema_migrations"));

    std::vector<std::int64_t> seen;
    apply_options options{.to = 1};
    options.on_applied = [&](const applied_migration& one) { seen.push_back(one.number); };
    REQUIRE(apply(db, set, options)->to == 1);
    options.to.reset();
    const auto rest = apply(db, set, options);
    REQUIRE(rest);
    CHECK(rest->from == 1);
    CHECK(rest->to == 2);
    CHECK(seen == std::vector<std::int64_t>{1, 2});
    CHECK(number(db, "select count(*) from a") == 2);
    CHECK(apply(db, set)->applied.empty());
    CHECK(number(db, "select count(*) from a") == 2);

    const auto row =
        db.run("select checksum, sql, duration_ms >= 0 from schema_migrations where version = 2").value();
    CHECK(row.text(0, 0) == set.migrations[1].checksum);
    CHECK(row.text(0, 1) == set.migrations[1].up_sql);
    CHECK(row.boolean(0, 2));
}

TEST_CASE("migrations: a failing file leaves nothing of itself, and says where", "[integration]") {
    const fixture f;
    auto db = f.connect();
    const auto set = make_set(
        {"create table a (x int)", "insert into a values (1);\n-- \xc3\xa4\nselect nonsense from a"});
    const auto done = apply(db, set);
    REQUIRE_FALSE(done);
    CHECK(done.error().kind == failure_kind::failed);
    CHECK(done.error().message.find("0002_step: line 3: ") != std::string::npos);
    CHECK(done.error().message.find("42703") != std::string::npos);
    CHECK(number(db, "select count(*) from a") == 0);
    CHECK(status(db, set)->version == 1);
    CHECK(apply(db, make_set({"create table a (x int)", "insert into a values (1)"}))->to == 2);
}

TEST_CASE("migrations: settings of one file do not reach the next", "[integration]") {
    const fixture f;
    auto db = f.connect();
    REQUIRE(apply(db, make_set({"create schema other; set search_path = other; create table other.a (x int)",
                                "create table b (x int)"})));
    CHECK(exists(db, "public.b"));
    CHECK(exists(db, "public.schema_migrations"));
}

TEST_CASE("migrations: a changed, newer or skipped history is refused and nothing runs", "[integration]") {
    const fixture f;
    auto db = f.connect();
    REQUIRE(apply(db, make_set({"create table a (x int)", "create table b (x int)"})));

    const auto changed = apply(
        db, make_set({"create table a (x bigint)", "create table b (x int)", "create table c (x int)"}));
    REQUIRE_FALSE(changed);
    CHECK(changed.error().kind == failure_kind::mismatch);
    CHECK(changed.error().message.find("0001_step") != std::string::npos);
    CHECK_FALSE(exists(db, "c"));

    const auto older = status(db, make_set({"create table a (x int)"}));
    REQUIRE_FALSE(older);
    CHECK(older.error().kind == failure_kind::mismatch);

    REQUIRE(db.run("delete from schema_migrations where version = 1"));
    CHECK(apply(db, make_set({"create table a (x int)", "create table b (x int)"})).error().kind ==
          failure_kind::mismatch);
}

TEST_CASE("migrations: no-transaction files run alone, and repair an invalid index", "[integration]") {
    const fixture f;
    auto db = f.connect();
    const auto set = make_set(
        {"create table a (x int); insert into a values (1), (1)",
         "-- bulkhead: no-transaction\ncreate unique index concurrently if not exists a_x on a (x)"});
    const auto failing = apply(db, set);
    REQUIRE_FALSE(failing);
    CHECK(failing.error().message.find("23505") != std::string::npos);
    REQUIRE(exists(db, "a_x"));  // INVALID: a plain IF NOT EXISTS would now take it for done
    REQUIRE(db.run("delete from a where ctid = '(0,2)'"));
    REQUIRE(apply(db, set)->to == 2);
    CHECK(number(db, "select indisvalid::int from pg_index where indexrelid = 'a_x'::regclass") == 1);
}

TEST_CASE("migrations: an invalid index of another name is left alone", "[integration]") {
    const fixture f;
    auto db = f.connect();
    const auto set =
        make_set({"create table a (x int, y int); insert into a values (1), (1)",
                  "-- bulkhead: no-transaction\ncreate index concurrently if not exists a_x_y on a (x, y)",
                  "-- bulkhead: no-transaction\ncreate index concurrently if not exists \"A_x\" on a (y)"});
    REQUIRE(apply(db, set, {.to = 1}));
    for (const auto* name : {"a_x", "x_y", "\"A_x\""})
        REQUIRE_FALSE(db.run(fmt::format("create unique index concurrently {} on a (x)", name)));
    REQUIRE(apply(db, set)->to == 3);
    CHECK(exists(db, "a_x"));
    CHECK(exists(db, "x_y"));
    CHECK(number(db, "select count(*) from pg_index where indrelid = 'a'::regclass and not indisvalid") == 2);
}

TEST_CASE("migrations: an invalid index on a busy table is tried again, in bounds", "[integration]") {
    const fixture f;
    auto db = f.connect(), other = f.connect();
    const auto set =
        make_set({"create table a (x int); insert into a values (1), (1)",
                  "-- bulkhead: no-transaction\ncreate index concurrently if not exists a_x on a (x)"});
    REQUIRE(apply(db, set, {.to = 1}));
    REQUIRE_FALSE(db.run("create unique index concurrently a_x on a (x)"));
    REQUIRE(other.run_script("begin; lock table a in share update exclusive mode"));
    auto limited = hasty;
    limited.time_limit = std::chrono::seconds(20);
    const auto blocked = apply(db, set, limited);
    REQUIRE_FALSE(blocked);
    CHECK(blocked.error().message.find("55P03") != std::string::npos);
    REQUIRE(other.run_script("commit"));
    REQUIRE(db.is_open());
    CHECK(apply(db, set, limited)->to == 2);
}

TEST_CASE("migrations: a busy table is tried again, in bounds", "[integration]") {
    const fixture f;
    auto db = f.connect(), reader = f.connect();
    const auto set = make_set({"create table a (x int)", "alter table a add y int"});
    REQUIRE(apply(db, set, {.to = 1}));

    REQUIRE(reader.run_script("begin; select * from a"));
    const auto blocked = apply(db, set, hasty);
    REQUIRE_FALSE(blocked);
    CHECK(blocked.error().message.find("55P03") != std::string::npos);
    CHECK_FALSE(db.in_transaction());

    std::thread release([&] {
        std::this_thread::sleep_for(milliseconds(250));
        (void)reader.run_script("commit");
    });
    auto patient = hasty;
    patient.attempts = 20;
    const auto done = apply(db, set, patient);
    release.join();
    CHECK(done);
}

TEST_CASE("migrations: a second run is told who holds the lock, and up-to-date ones do not wait",
          "[integration]") {
    const fixture f;
    auto db = f.connect();
    auto holder =
        session::open(f.control, std::chrono::seconds(5), {.application_name = "the-other-run"}).value();
    const auto set = make_set({"create table a (x int)"});
    {
        const auto lock = advisory_lock::take(holder, migration_lock_key, milliseconds(0));
        REQUIRE(lock);
        const auto done = apply(db, set, hasty);
        REQUIRE_FALSE(done);
        CHECK(done.error().kind == failure_kind::locked);
        CHECK(done.error().message.find("the-other-run") != std::string::npos);

        auto stopping = hasty;
        stopping.stop = [] { return true; };
        CHECK(apply(db, set, stopping).error().kind == failure_kind::cancelled);
    }
    REQUIRE(apply(db, set, hasty));
    const auto lock = advisory_lock::take(holder, migration_lock_key, milliseconds(0));
    REQUIRE(lock);
    CHECK(apply(db, set, hasty));
}

TEST_CASE("migrations: concurrent runs with a concurrent index converge", "[integration]") {
    const fixture f;
    const auto set =
        make_set({"create table a (x int)",
                  "-- bulkhead: no-transaction\ncreate index concurrently if not exists a_x on a (x)",
                  "create table b (x int)"});
    std::atomic<int> good = 0;
    std::vector<std::thread> runs;
    for (int i = 0; i < 4; ++i)
        runs.emplace_back([&] {
            auto db = f.connect();
            const auto done = apply(db, set);
            good += done && done->to == 3 ? 1 : 0;
        });
    for (auto& run : runs) run.join();
    CHECK(good == 4);
    auto db = f.connect();
    CHECK(number(db, "select count(*) from schema_migrations") == 3);
}

TEST_CASE("migrations: a killed connection leaves a file undone as a whole", "[integration]") {
    const fixture f;
    auto db = f.connect();
    const auto set = make_set(
        {"create table a (x int)", "create table b (x int); select pg_terminate_backend(pg_backend_pid())"});
    REQUIRE_FALSE(apply(db, set));
    CHECK_FALSE(db.is_open());
    auto again = f.connect();
    CHECK(status(again, set)->version == 1);
    CHECK_FALSE(exists(again, "b"));
    CHECK(apply(again, make_set({"create table a (x int)", "create table b (x int)"}))->to == 2);
}

TEST_CASE("migrations: the shipped files go up, down and up again", "[integration]") {
    const fixture f;
    auto db = f.connect();
    for (const auto& set : {control_migrations().value(), tenant_migrations().value()}) {
        const auto relations = "select count(*) from pg_class where relnamespace = 'public'::regnamespace";
        REQUIRE(create_history_table(db));
        const auto before = number(db, relations);
        for (int round = 0; round < 2; ++round) {
            const auto up = apply(db, set);
            if (!up) FAIL(up.error().message);
            CHECK(number(db, relations) > before);
            for (auto one = set.migrations.rbegin(); one != set.migrations.rend(); ++one) {
                INFO(one->name);
                REQUIRE(db.run_script(one->down_sql));
            }
            REQUIRE(db.run("delete from schema_migrations"));
            CHECK(number(db, relations) == before);
        }
    }
}

TEST_CASE("migrations: lists of tasks are served by an index, without a sort", "[integration]") {
    const fixture f;
    auto db = f.connect();
    REQUIRE(apply(db, tenant_migrations().value()));
    REQUIRE(
        db.run_script("insert into users (id, email, name, password_hash) select gen_random_uuid(), i || "
                      "'@x.test', 'n', 'h' "
                      "from generate_series(1, 20) i;"
                      "insert into tasks (id, user_id, title, priority, due_at, created_at) select "
                      "gen_random_uuid(), u.id, "
                      "'t' || i, i % 3, now() + i * interval '1 h', now() - i * interval '1 s' "
                      "from users u, generate_series(1, 500) i; analyze"));
    const auto user = db.run("select id from users limit 1").value();
    for (const std::string order :
         {"created_at desc, id desc", "created_at, id", "due_at, id", "due_at desc, id desc", "priority, id",
          "priority desc, id desc", "title, id"}) {
        INFO(order);
        const auto plan =
            db.run(fmt::format("explain select * from tasks where user_id = '{}' order by {} limit 20",
                               user.text(0, 0), order))
                .value();
        std::string text;
        for (std::size_t i = 0; i < plan.size(); ++i) text += std::string(plan.text(i, 0)) + "\n";
        INFO(text);
        CHECK(text.find("Sort") == std::string::npos);
        CHECK(text.find("tasks_by_") != std::string::npos);
    }
}

TEST_CASE("session: time limits, parameters, scripts and COPY", "[integration]") {
    const fixture f;
    auto db = f.connect();
    const auto row = db.run("select $1::text, $2::int, $3::text is null", {"it's", 7, std::nullopt}).value();
    CHECK(row.text(0, 0) == "it's");
    CHECK(row.integer(0, 1) == 7);
    CHECK(row.boolean(0, 2));
    CHECK_FALSE(db.run("select 1; select 2"));
    CHECK(db.last_sqlstate() == "42601");
    CHECK(db.run_script("select 1; select 2"));
    CHECK(db.run("select 1"));
    CHECK(db.last_message().empty());

    const auto big = std::string(5'000'000, 'x');
    CHECK(db.run("select length($1)", {big}).value().integer(0, 0) == 5'000'000);

    auto copying = f.connect();
    CHECK_FALSE(copying.run_script("create temp table t (x int); copy t from stdin"));
    CHECK_FALSE(copying.run("select 1"));

    CHECK(db.set_time_limit(milliseconds(200)) == std::chrono::seconds(60));
    const auto start = std::chrono::steady_clock::now();
    const auto slow = db.run("select pg_sleep(10)");
    REQUIRE_FALSE(slow);
    CHECK(slow.error().code == errc::deadline_exceeded);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(3));
    CHECK_FALSE(db.is_open());
    const auto closed = db.run("select 1");
    REQUIRE_FALSE(closed);
    CHECK(closed.error().code == errc::unavailable);
}

/// SIGSTOP for the processes of a server, and SIGCONT again.
class freeze {
public:
    explicit freeze(std::vector<pid_t> processes) : processes_(std::move(processes)) { send(SIGSTOP); }
    freeze(const freeze&) = delete;
    freeze& operator=(const freeze&) = delete;
    ~freeze() { send(SIGCONT); }
    void send(int signal) const {
        for (const auto process : processes_) ::kill(process, signal);
    }

private:
    std::vector<pid_t> processes_;
};

pid_t parent_of(pid_t process) {
    std::ifstream status(fmt::format("/proc/{}/status", process));
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("PPid:")) return std::stoi(line.substr(5));
    throw std::runtime_error("no such process");
}

TEST_CASE("session: a server that is frozen is left at the limit", "[integration]") {
    const fixture f;
    auto db = f.connect();
    const auto backend = static_cast<pid_t>(number(db, "select pg_backend_pid()"));
    db.set_time_limit(milliseconds(200));
    const freeze server({parent_of(backend), backend});
    auto asked = std::async(std::launch::async, [&] { return db.run("select 1"); });
    const bool in_time = asked.wait_for(std::chrono::seconds(30)) == std::future_status::ready;
    server.send(SIGCONT);
    CHECK(in_time);
    CHECK(asked.get().error().code == errc::deadline_exceeded);
    CHECK_FALSE(db.is_open());
}

TEST_CASE("session: the server ends what is not waited for any more", "[integration]") {
    const fixture f;
    auto db = f.connect(), watching = f.connect();
    REQUIRE(db.run_script("create table held (x int)"));
    REQUIRE(watching.run_script("begin; lock table held"));
    for (const auto* sql : {"select pg_sleep(600)", "select 1 from held"}) {
        auto left = f.connect();
        const auto backend = number(left, "select pg_backend_pid()");
        left.set_time_limit(milliseconds(200));
        REQUIRE_FALSE(left.run(sql));
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        const auto there = fmt::format("select count(*) from pg_stat_activity where pid = {}", backend);
        while (number(db, there) != 0 && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(milliseconds(20));
        CHECK(number(db, there) == 0);
    }
}

TEST_CASE("session: refuses a wrong password with the reason for operators only", "[integration]") {
    const fixture f;
    postgres::database_error why;
    const auto wrong = f.control.with_login(f.control.dbname, "nobody_here", secret("hunter2"));
    const auto opened = session::open(wrong, std::chrono::seconds(5), {}, &why);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == errc::unavailable);
    CHECK(opened.error().detail.empty());
    CHECK(why.message.find("nobody_here") != std::string::npos);
    CHECK(why.message.find("hunter2") == std::string::npos);
}

}  // namespace
}  // namespace bulkhead::migrations
