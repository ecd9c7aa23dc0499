// SPDX-License-Identifier: Apache-2.0
// The truth about jobs, with real transactions that meet: who may run one, whose end of it counts, and what
// is left of those who come too late.
#include "queue/job_store.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "jobs_fixture.hpp"
#include "observability/log.hpp"

namespace bulkhead::testing {
namespace {

using queue::claimed_job;
using queue::job_lost;
using queue::unclaimed;

struct fixture : jobs_house {
    using jobs_house::jobs_house;

    uuid add(new_job what = job_for()) {
        const auto id = what.id;
        CHECK(run(insert_job(db(), std::move(what))).value());
        return id;
    }
    bool try_add(new_job what) { return run(insert_job(db(), std::move(what))).value(); }
    job_store::claim_outcome try_claim(const uuid& id) { return run(store().claim(id)).value(); }
    claimed_job claim(const uuid& id) {
        auto taken = try_claim(id);
        REQUIRE(taken.job);
        return *std::move(taken.job);
    }
    [[nodiscard]] std::string state(const uuid& id) const { return row(id, "state"); }
};

job_failure_record failure(std::string reason, unsigned attempt = 1) {
    return {.attempt = attempt, .at = utc_now(), .reason = std::move(reason)};
}

/// An effect and the end of the job, as a worker commits them; `before_end` runs with the job held.
awaitable<result<>> finish(postgres::database db, uuid id, std::int64_t fence, std::string effect,
                           std::chrono::milliseconds pause = {}) {
    std::vector<postgres::query> first;
    first.push_back(job_store::hold(id, fence));
    first.push_back({"insert into effects values ($1)", postgres::parameters::of(effect)});
    auto begun = co_await db.begin(std::move(first));
    if (!begun) co_return std::unexpected(std::move(begun.error()));
    if (pause.count() > 0) {
        steady_timer timer(co_await net::this_coro::executor, pause);
        co_await timer.async_wait(use_tuple);
    }
    const json::value outcome = {{"sent", 1}};
    std::vector<postgres::query> last;
    last.push_back(job_store::succeed(id, fence, outcome));
    co_return co_await begun->open.commit(std::move(last));
}

/// All that is logged while `work` runs.
template <class Work>
std::string logged(Work work) {
    const auto file =
        std::filesystem::temp_directory_path() / fmt::format("bulkhead_job_store_{}.log", ::getpid());
    log::start({.file = file.string()});
    work();
    log::stop();
    std::ifstream written(file);
    std::string text{std::istreambuf_iterator<char>(written), {}};
    std::filesystem::remove(file);
    std::filesystem::remove(file.string() + ".error");
    return text;
}

TEST_CASE("job store: the table takes the names of kinds that check_kind_name takes, and no others",
          "[integration]") {
    fixture f;
    const std::string longest(64, 'a');
    for (const auto& name :
         {std::string("a"), std::string("mail.send"), std::string("a_b.c_9_"), std::string("a9.b.c_d"),
          longest, std::string(), std::string("A"), std::string("9a"), std::string("_a"), std::string("a._b"),
          std::string("a.9"), std::string("a."), std::string(".a"), std::string("a..b"), std::string("a-b"),
          std::string("a b"), std::string("a\n"), std::string("\u00e4"), longest + "a"}) {
        INFO(name);
        CHECK(queue::check_kind_name(name).has_value() ==
              f.run(insert_job(f.db(), job_for(name))).has_value());
    }
    CHECK(f.count() == 5);
}

TEST_CASE("job store: what a check refuses is not repeated in the log", "[integration]") {
    fixture f;
    auto what = job_for("Wrong.Kind");
    what.payload = R"({"to":"ada@example.org"})";
    std::optional<error> why;
    const auto text = logged([&] {
        const auto added = f.run(insert_job(f.db(), what));
        if (!added) why = added.error();
    });
    REQUIRE(why);
    CHECK(why->detail.empty());
    CHECK(text.find("jobs_kind_check") != text.npos);
    CHECK(text.find("23514") != text.npos);
    CHECK(text.find("ada@") == text.npos);

    auto admin = postgres::session::open(target_of(f.name), 5s).value();
    CHECK_FALSE(
        admin.run("insert into jobs (id, kind, lane, payload, most_attempts) values "
                  "(gen_random_uuid(), 'Wrong', 0, 'ada@example.org', 1)"));
    CHECK(admin.last_message().find("jobs_kind_check") != std::string::npos);
    CHECK(admin.last_message().find("ada@") == std::string::npos);
    CHECK_FALSE(admin.run("select 'ada@example.org'::text::integer"));
    CHECK(admin.last_message() == "invalid input syntax for type integer: \"***\" (SQLSTATE 22P02)");
}

TEST_CASE("job store: a job from its row to its end", "[integration]") {
    fixture f;
    auto what = job_for("mail.send");
    what.lane = lane::critical;
    what.priority = queue::priority::high;
    what.user = uuid::generate();
    what.payload = R"({"b":1,  "a":"ü"})";
    const auto id = f.add(what);
    CHECK(f.row(id, "kind, lane, priority, payload, state, attempt, fence") ==
          "mail.send 0 0 " + what.payload + " 0 0 0");

    const auto first = f.claim(id);
    CHECK(first.payload == what.payload);
    CHECK(first.attempt == 1);
    CHECK(first.most_attempts == 8);
    CHECK(first.fence == 1);
    CHECK(first.user == what.user);
    CHECK(first.checkpoint.empty());
    CHECK(f.run(f.store().save_progress(id, first.fence, 30, "three\nof ten")).value());
    CHECK(f.run(f.store().save_checkpoint(id, first.fence, json::value{{"row", 3}})).value());
    CHECK(f.run(f.store().retry_later(id, first.fence, 0ms, failure("no answer"))).value());
    CHECK(f.row(id, "state, attempt, progress_percent, progress_note, errors -> 0 ->> 'reason'") ==
          "0 1 30 three of ten no answer");

    const auto second = f.claim(id);
    CHECK(second.attempt == 2);
    CHECK(second.fence == 2);
    CHECK(second.checkpoint == R"({"row":3})");
    f.execute("create table effects (what text)");
    CHECK(f.run(finish(f.db(), id, second.fence, "mail")));
    CHECK(f.row(id, "state, result, checkpoint is null, finished_at >= started_at") == R"(2 {"sent":1} t t)");
    CHECK(f.execute("select what from effects") == "mail");
    CHECK(f.try_claim(id).why == unclaimed::finished);
    CHECK(f.try_claim(uuid::generate()).why == unclaimed::missing);
}

TEST_CASE("job store: who has an older fence writes nothing, and its transaction fails", "[integration]") {
    fixture f;
    f.execute("create table effects (what text)");
    const auto id = f.add();
    const auto zombie = f.claim(id);
    const auto heir = f.claim(id);  // the lease of the first was lost: no attempt is counted
    CHECK(heir.attempt == 1);
    CHECK(heir.lost == 1);
    CHECK(heir.fence == 2);

    const auto refused = f.run(finish(f.db(), id, zombie.fence, "zombie"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == job_lost);
    CHECK_FALSE(f.run(f.store().fail_for_good(id, zombie.fence, failure("x"))).value());
    CHECK_FALSE(f.run(f.store().retry_later(id, zombie.fence, 0ms, failure("x"))).value());
    CHECK_FALSE(f.run(f.store().give_back(id, zombie.fence, 0ms)).value());
    CHECK_FALSE(f.run(f.store().end_cancelled(id, zombie.fence)).value());
    CHECK_FALSE(f.run(f.store().save_checkpoint(id, zombie.fence, json::value(1))).value());
    CHECK_FALSE(f.run(f.store().end_succeeded(id, zombie.fence, nullptr)).value());
    CHECK(f.run(finish(f.db(), id, heir.fence, "heir")));
    CHECK(f.run(finish(f.db(), id, heir.fence, "again")).error().code == job_lost);  // it has ended
    CHECK(f.execute("select string_agg(what, ',') from effects") == "heir");
}

TEST_CASE("job store: a held job cannot be claimed, and is not waited for", "[integration]") {
    fixture f;
    f.execute("create table effects (what text)");
    const auto id = f.add();
    const auto mine = f.claim(id);
    auto ending = f.house.spawn(finish(f.db(), id, mine.fence, "held", 600ms));
    REQUIRE(comes_true([&] {
        return f.execute(
                   "select count(*) from pg_stat_activity where datname = current_database() and "
                   "state = 'idle in transaction'") == "1";
    }));
    const auto late = f.try_claim(id);
    CHECK_FALSE(late.job);
    CHECK(late.why == unclaimed::not_yet);
    CHECK(late.wait > 0ms);
    CHECK(must_end(std::move(ending)));
    CHECK(f.try_claim(id).why == unclaimed::finished);
}

TEST_CASE("job store: of many who finish one job under many fences, one does", "[integration]") {
    fixture f({.budget = 8, .per_database = 8});
    f.execute("create table effects (what text)");
    for (int round = 0; round < 20; ++round) {
        const auto id = f.add();
        std::vector<std::future<result<>>> all;
        for (int i = 0; i < 6; ++i) {
            const auto taken = f.try_claim(id);
            if (!taken.job) continue;  // it is held or done by now
            all.push_back(f.house.spawn(finish(f.db(), id, taken.job->fence, id.to_string())));
        }
        int done = 0;
        for (auto& each : all) {
            const auto ended = must_end(std::move(each));
            done += ended ? 1 : 0;
            if (!ended) CHECK(ended.error().code == job_lost);
        }
        CHECK(done <= 1);
        if (done == 0) CHECK(f.run(finish(f.db(), id, f.claim(id).fence, id.to_string())));
    }
    CHECK(f.execute("select count(*) || ' ' || count(distinct what) from effects") == "20 20");
}

TEST_CASE("job store: one open job has a unique key, however many want it", "[integration]") {
    fixture f({.budget = 8, .per_database = 8});
    std::vector<std::future<result<bool>>> all;
    for (int i = 0; i < 40; ++i)
        all.push_back(f.house.spawn(insert_job(f.db(), job_for("test.work", "report:5"))));
    int made = 0;
    for (auto& each : all) made += must_end(std::move(each)).value() ? 1 : 0;
    CHECK(made == 1);
    CHECK(f.try_add(job_for("test.work", "report:6")));
    CHECK(f.try_add(job_for()));
    CHECK(f.try_add(job_for()));  // no key is no key

    const auto first = *uuid::parse(f.execute("select id from jobs where unique_key = 'report:5'"));
    const auto mine = f.claim(first);
    CHECK_FALSE(f.try_add(job_for("test.work", "report:5")));  // one that runs counts
    CHECK(f.run(f.store().fail_for_good(first, mine.fence, failure("no"))).value());
    CHECK(f.try_add(job_for("test.work", "report:5")));
    CHECK_FALSE(f.run(f.store().revive(first)).value());  // its key is another's by now

    auto again = job_for();
    CHECK(f.try_add(again));
    CHECK_FALSE(f.try_add(again));  // the same id
}

TEST_CASE("job store: its time, giving back, the end of patience", "[integration]") {
    fixture f;
    auto later = job_for();
    later.run_at = utc_now() + 1h;
    const auto id = f.add(later);
    const auto early = f.try_claim(id);
    CHECK(early.why == unclaimed::not_yet);
    CHECK(early.wait > 50min);
    CHECK(early.wait <= 1h);
    f.execute("update jobs set run_at = now()");

    auto mine = f.claim(id);
    CHECK(f.run(f.store().give_back(id, mine.fence, 0ms)).value());
    mine = f.claim(id);
    CHECK(mine.attempt == 1);
    CHECK(mine.lost == 0);
    for (int i = 0; i < 14; ++i) {
        CHECK(f.run(f.store().retry_later(id, mine.fence, 0ms, failure(fmt::format("f{}", i)))).value());
        mine = f.claim(id);
    }
    CHECK(f.row(id, "jsonb_array_length(errors), errors -> 0 ->> 'reason', errors -> 9 ->> 'reason'") ==
          "10 f4 f13");
    const auto broken = std::string("bad \xff\x01 ") + std::string("\0nul", 4) + std::string(3000, 'x');
    CHECK(f.run(f.store().fail_for_good(id, mine.fence, failure(broken, 15))).value());
    CHECK(f.row(id, "state, left(errors -> 9 ->> 'reason', 11), errors -> 9 ->> 'attempt'") ==
          "3 bad ?   nul 15");

    CHECK(f.run(f.store().revive(id)).value());
    CHECK_FALSE(f.run(f.store().bury(id, "it only lay beside another")).value());
    CHECK(f.claim(id).attempt == 1);
    CHECK(f.run(f.store().bury(id, "took three workers down")).value());
    CHECK(f.row(id, "state, errors -> 9 ->> 'reason', errors -> 9 ->> 'attempt'") ==
          "3 took three workers down 1");
    CHECK_FALSE(f.run(f.store().bury(id, "again")).value());

    const auto large = f.add();
    const json::value text(std::string(queue::longest_checkpoint, 'x'));
    CHECK(f.run(f.store().save_checkpoint(large, f.claim(large).fence, text)).error().code ==
          errc::content_too_large);
}

TEST_CASE("job store: cancelling", "[integration]") {
    fixture f;
    auto of_somebody = job_for();
    of_somebody.user = uuid::generate();
    const auto waiting = f.add(of_somebody);
    CHECK_FALSE(f.run(f.store().cancel(waiting, uuid::generate())).value());
    const auto at_once = f.run(f.store().cancel(waiting, of_somebody.user)).value();
    REQUIRE(at_once);
    CHECK(at_once->at_once);
    CHECK(f.state(waiting) == "4");
    CHECK(f.try_claim(waiting).why == unclaimed::finished);
    CHECK_FALSE(f.run(f.store().cancel(waiting)).value());

    const auto running = f.add();
    const auto mine = f.claim(running);
    const auto asked = f.run(f.store().cancel(running)).value();
    REQUIRE(asked);
    CHECK_FALSE(asked->at_once);
    CHECK(f.row(running, "state, cancel_requested") == "1 t");
    CHECK(f.run(f.store().retry_later(running, mine.fence, 1h, failure("stopped"))).value());
    CHECK(f.state(running) == "4");  // not once more

    const auto lost = f.add();
    f.claim(lost);
    CHECK(f.run(f.store().cancel(lost)).value());
    CHECK(f.try_claim(lost).why == unclaimed::finished);  // its worker is gone: nobody runs it again
    CHECK(f.state(lost) == "4");
}

using cancel_answer = result<std::optional<job_store::cancelled_job>>;

/// What those hear who cancel a job, its owner and somebody else, whose run has written something; it goes
/// on.
awaitable<std::vector<cancel_answer>> cancel_while_held(postgres::database db, uuid id, std::int64_t fence) {
    std::vector<cancel_answer> out;
    std::vector<postgres::query> first;
    first.push_back(job_store::hold(id, fence));
    auto begun = co_await db.begin(std::move(first));
    if (!begun) co_return out;
    const job_store store(db);
    out.push_back(co_await store.cancel(id));
    out.push_back(co_await store.cancel(id, uuid::generate()));
    std::vector<postgres::query> last;
    last.push_back(job_store::succeed(id, fence, nullptr));
    const auto done = co_await begun->open.commit(std::move(last));
    if (!done) out.clear();
    co_return out;
}

TEST_CASE("job store: cancelling does not wait for a run that holds the row", "[integration]") {
    fixture f;
    const auto id = f.add();
    const auto mine = f.claim(id);
    const auto heard = f.run(cancel_while_held(f.db(), id, mine.fence));
    REQUIRE(heard.size() == 2);
    REQUIRE(heard[0].value());
    CHECK_FALSE((*heard[0])->at_once);
    CHECK_FALSE((*heard[0])->noted);
    CHECK_FALSE(heard[1].value());
    CHECK(f.state(id) == "2");
    CHECK_FALSE(f.run(f.store().cancel(id)).value());
}

TEST_CASE("job store: what is open, lane by lane", "[integration]") {
    fixture f;
    std::vector<uuid> bulk;
    for (int i = 0; i < 5; ++i) {
        auto one = job_for();
        one.lane = lane::bulk;
        one.run_at = utc_now() - 1h + std::chrono::seconds(i);
        bulk.push_back(f.add(one));
    }
    auto urgent = job_for("test.urgent");
    urgent.lane = lane::critical;
    urgent.run_at = utc_now() + 5min;
    const auto soon = f.add(urgent);
    auto far = job_for();
    far.run_at = utc_now() + 2h;
    f.add(far);
    f.claim(bulk[0]);
    const auto done = f.claim(bulk[1]);
    CHECK(f.run(f.store().end_succeeded(bulk[1], done.fence, nullptr)).value());

    auto open = f.run(f.store().open_jobs(f.tenant, 10min, false, 2)).value();
    REQUIRE(open.jobs.size() == 3);
    CHECK(open.jobs[0].id == soon);
    CHECK(open.jobs[0].kind == "test.urgent");
    CHECK(open.jobs[0].tenant == f.tenant);
    CHECK(open.jobs[0].delay > 4min);
    CHECK(open.jobs[0].delay <= 5min);
    CHECK(open.jobs[1].id == bulk[2]);
    CHECK(open.jobs[1].delay == 0ms);
    CHECK(open.jobs[2].id == bulk[3]);
    CHECK(open.more == std::array<bool, 3>{false, false, true});

    open = f.run(f.store().open_jobs(f.tenant, 10min, true, 10)).value();
    REQUIRE(open.jobs.size() == 5);
    CHECK(open.jobs[1].id == bulk[0]);
    CHECK(open.more == std::array<bool, 3>{});

    const auto next = f.run(f.store().next_due(10min)).value();
    REQUIRE(next);
    CHECK(*next > 110min);
    CHECK(*next <= 2h);
    CHECK_FALSE(f.run(f.store().next_due(3h)).value());
}

TEST_CASE("job store: the table refuses what no job can be", "[integration]") {
    fixture f;
    const auto refused = [&](new_job what) { return !f.run(insert_job(f.db(), std::move(what))); };
    CHECK(refused(job_for("Mail.Send")));
    CHECK(refused(job_for("mail..send")));
    CHECK(refused(job_for(std::string(65, 'k'))));
    auto large = job_for();
    large.payload.assign(queue::longest_payload + 1, 'x');
    CHECK(refused(large));
    large.payload.pop_back();
    CHECK_FALSE(refused(large));
    CHECK(refused(job_for("a", std::string(queue::longest_unique_key + 1, 'u'))));
}

}  // namespace
}  // namespace bulkhead::testing
