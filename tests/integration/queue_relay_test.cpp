// SPDX-License-Identifier: Apache-2.0
// What Redis does not know is brought to it from the tenants' databases: after hints, after it has lost its
// data, and never from those whose tenant has ended.
#include "queue_house.hpp"

namespace bulkhead::testing {
namespace {

constexpr auto flush = [](queue_program& p) { p.ask({"FLUSHALL"}); };

/// Without rounds of its own, which would find everything.
void pretend_round(queue_program& p) {
    const auto begun = p.run(p.hints().begin_round(60s, 1h));
    REQUIRE(begun);
    REQUIRE(p.run(p.hints().end_round(begun->run)));
}

TEST_CASE("hints: come when they are due, once, and come back when they are not settled", "[integration]") {
    const queue_site site;
    queue_program p(site);
    flush(p);
    const auto& hints = p.hints();
    const auto give = [&](std::chrono::milliseconds delay, unsigned done) {
        std::vector<queue::hint> one{{.tenant = site.tenant, .delay = delay, .looks_done = done}};
        REQUIRE(p.run(hints.give(std::move(one))));
    };
    const auto take = [&](std::chrono::milliseconds hidden) { return p.run(hints.take(10, hidden)).value(); };

    give(1h, 2);
    auto got = take(1h);
    CHECK(got.due.empty());
    CHECK(got.known == 1);
    REQUIRE(got.next);
    CHECK(*got.next > 50min);
    give(0ms, 2);
    got = take(200ms);
    REQUIRE(got.due.size() == 1);
    CHECK(got.due[0].tenant == site.tenant);
    CHECK(got.due[0].looks_done == 2);
    CHECK(take(200ms).due.empty());
    // Whoever took it has died.
    REQUIRE(comes_true([&] {
        got = take(1h);
        return !got.due.empty();
    }));
    // A hint that came meanwhile, of a job that is not committed yet: it counts from the beginning.
    give(0ms, 0);
    REQUIRE(p.run(hints.settle(got.due[0], std::nullopt, 0)));
    got = take(1h);
    REQUIRE(got.due.size() == 1);
    CHECK(got.due[0].looks_done == 0);
    REQUIRE(p.run(hints.settle(got.due[0], 1h, 1)));
    got = take(1h);
    CHECK(got.due.empty());
    CHECK(got.known == 1);
    // Earlier, and with as many looks to come as either asks for.
    give(2h, 0);
    give(0ms, 2);
    got = take(1h);
    REQUIRE(got.due.size() == 1);
    CHECK(got.due[0].looks_done == 0);
    REQUIRE(p.run(hints.settle(got.due[0], std::nullopt, 0)));
    CHECK(take(1h).known == 0);
}

TEST_CASE("rounds: one process at a time, when Redis is not what it was, and now and then", "[integration]") {
    const queue_site site;
    queue_program p(site);
    flush(p);
    using round = queue::hints::round;
    const auto begin = [&](std::chrono::milliseconds busy, std::chrono::milliseconds every) {
        return p.run(p.hints().begin_round(busy, every)).value();
    };
    const auto first = begin(200ms, 1h);
    CHECK(first.why == round::data_lost);
    CHECK(first.run.size() == 40);
    CHECK(begin(200ms, 1h).why == round::none);
    REQUIRE(comes_true([&] { return begin(1h, 1h).why == round::data_lost; }));  // the first one has died
    REQUIRE(p.run(p.hints().end_round(first.run)));
    CHECK(begin(1h, 1h).why == round::none);
    REQUIRE(comes_true([&] { return begin(1h, 10ms).why == round::due; }));
    REQUIRE(p.run(p.hints().end_round("0123")));
    CHECK(begin(1h, 1h).why == round::data_lost);  // the round was for another Redis
}

TEST_CASE("rounds: a server of a cluster that is another one than it was is a loss", "[integration]") {
    const queue_site site;
    queue_program p(site);
    flush(p);
    using round = queue::hints::round;
    const auto meet = [&](const char* server, const char* who) {
        REQUIRE(p.run(p.hints().meet(server, who)));
    };
    const auto settles = [&] {
        const auto begun = p.run(p.hints().begin_round(60s, 1h)).value();
        if (begun.why != round::none) REQUIRE(p.run(p.hints().end_round(begun.run)));
        return begun.why;
    };
    meet("n1:6379", "a");
    meet("n2:6379", "b");
    CHECK(settles() == round::data_lost);
    meet("n1:6379", "a");  // as every worker says
    meet("n2:6379", "b");
    CHECK(settles() == round::none);
    meet("n2:6379", "c");
    CHECK(settles() == round::data_lost);
    meet("n2:6379", "c");
    CHECK(settles() == round::none);
    meet("n3:6379", "d");  // it may have taken over from one of the others
    CHECK(settles() == round::data_lost);
}

TEST_CASE("relay: a tenant that cannot be looked at keeps nobody from the others", "[integration]") {
    const queue_site site;
    const auto drifted = uuid::generate(), away = uuid::generate();
    const auto other = fresh_database_name();
    make_tenant_schema(other);
    shared_servers().execute(other,
                             "drop table jobs cascade; create table jobs (id text, kind text, lane smallint, "
                             "priority smallint, state smallint, run_at timestamptz); "
                             "insert into jobs values ('no id', 'test.row', 1, 1, 0, now()); "
                             "grant select on jobs to public");
    site.add_tenant("drifted", drifted, other);
    site.add_tenant("away", away, fresh_database_name());
    program_settings settings;
    settings.relay.at_once = 1;
    settings.relay.hidden = 50ms;
    queue_program p(site, settings);
    flush(p);
    pretend_round(p);
    p.start_relay();
    p.hint(drifted);
    p.hint(away);
    // After ever longer.
    const auto is_put_off = [&](const uuid& tenant) {
        const auto score = p.ask({"ZSCORE", "bh:q:hints", tenant.to_string()});
        if (!score.text()) return false;
        const auto now = std::chrono::duration<double, std::milli>(utc_now().time_since_epoch()).count();
        return std::stod(std::string(*score.text())) - now > 1'000;
    };
    CHECK(comes_true([&] { return is_put_off(drifted); }));
    CHECK(comes_true([&] { return is_put_off(away); }));
    const auto job = site.insert_row();
    p.hint(site.tenant);
    CHECK(comes_true([&] { return p.fetch(site.tenant) == std::set{job}; }));
}

TEST_CASE("relay: a hint brings what is open, and what is committed late comes with a later look",
          "[integration]") {
    const queue_site site;
    queue_program p(site);
    flush(p);
    pretend_round(p);
    p.start_relay();
    const auto now = site.insert_row();
    const auto soon = site.insert_row(", run_at", ", now() + interval '5 minutes'");
    site.insert_row(", run_at", ", now() + interval '1 hour'");
    site.insert_row(", state, finished_at", ", 2, now()");
    const auto claimed = site.insert_row(", state", ", 1");
    p.hint(site.tenant);
    REQUIRE(comes_true([&] { return p.known(site.tenant) == 3; }));
    CHECK(p.fetch(site.tenant) == std::set{now, claimed});
    CHECK(soon != now);
    const auto late = site.insert_row();  // nobody hints
    CHECK(comes_true([&] { return p.fetch(site.tenant) == std::set{late}; }));
    // In the end only what is far away is remembered.
    CHECK(comes_true([&] {
        const auto score = p.ask({"ZSCORE", "bh:q:hints", site.tenant.to_string()});
        return score.text() && std::stod(std::string(*score.text())) >
                                   static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                                           (utc_now() + 30min).time_since_epoch())
                                                           .count());
    }));
}

TEST_CASE("relay: FLUSHALL and a Redis that starts anew lose no job", "[integration]") {
    const queue_site site;
    queue_program p(site);
    flush(p);
    std::set<uuid> all;
    for (int i = 0; i < 50; ++i) all.insert(p.post("/jobs").id());
    REQUIRE(comes_true([&] { return p.known(site.tenant) == 50; }));
    p.start_relay();
    flush(p);
    CHECK(comes_true([&] { return p.known(site.tenant) == 50; }));
    CHECK(p.fetch(site.tenant) == all);  // they run now …
    flush(p);                            // … and Redis forgets who runs them
    CHECK(comes_true([&] { return p.known(site.tenant) == 50; }));
    shared_servers().kill_redis();
    shared_servers().start_redis();
    REQUIRE(comes_true([&] { return p.connected(); }, 30s));
    CHECK(comes_true([&] { return p.known(site.tenant) == 50; }));
    CHECK(p.counted("bulkhead_queue_rounds_total{reason=\"data_lost\"}"));
}

TEST_CASE("relay: Redis gets a window of a large backlog, and the rest as that drains", "[integration]") {
    const queue_site site;
    program_settings settings;
    settings.relay.window = 50;
    settings.relay.second_look = 100ms;
    queue_program p(site, settings);
    flush(p);
    pretend_round(p);
    queue::tenant_rules rules{.most_waiting = 120};
    REQUIRE(p.run(p.dispatch().set_rules(site.tenant, lane::normal, rules)));
    site.execute(
        "insert into jobs (id, kind, lane, payload, most_attempts, run_at) "
        "select gen_random_uuid(), 'test.row', 1, '{}', 3, now() - i * interval '1 second' "
        "from generate_series(1, 1000) i");
    p.start_relay();
    p.hint(site.tenant);
    REQUIRE(comes_true([&] { return p.known(site.tenant) == 120; }));
    std::set<uuid> seen;
    REQUIRE(comes_true(
        [&] {
            std::string done;
            for (const auto& id : p.fetch(site.tenant)) {
                seen.insert(id);
                done += fmt::format("{}'{}'", done.empty() ? "" : ",", id.to_string());
            }
            if (!done.empty())
                site.execute(
                    fmt::format("update jobs set state = 2, finished_at = now() where id in ({})", done));
            CHECK(p.known(site.tenant) <= 120);
            return seen.size() == 1000;
        },
        60s));
}

TEST_CASE("relay: a job that waits in its database is there when its time comes, though nobody hints",
          "[integration]") {
    const queue_site site;
    program_settings settings;
    settings.relay.horizon = 600ms;
    settings.relay.sweep_every = 300ms;
    queue_program p(site, settings);
    flush(p);
    p.start_relay();
    const auto job = site.insert_row(", run_at", ", now() + interval '3 seconds'");
    REQUIRE(comes_true([&] { return p.known(site.tenant) == 1; }));  // delayed: its time has not come
    CHECK(site.rows("run_at > now()") == 1);
    CHECK(comes_true([&] {
        const auto got = p.fetch(site.tenant);
        if (!got.empty()) CHECK(site.rows("run_at <= now()") == 1);
        return got == std::set{job};
    }));
}

TEST_CASE("relay: nothing of a tenant that is not active", "[integration]") {
    const queue_site site;
    program_settings settings;
    settings.relay.suspended = 100ms;
    queue_program p(site, settings);
    flush(p);
    pretend_round(p);
    REQUIRE(p.post("/jobs").code == 201);
    REQUIRE(comes_true([&] { return p.known(site.tenant) == 1; }));
    site.in_control("update tenants set status = 'suspended'");
    p.start_relay();
    p.hint(site.tenant);
    // The registry may remember it as active for a while.
    REQUIRE(comes_true([&] { return !p.counted("looks_total{outcome=\"skipped\"} 0"); }));
    const auto row = site.insert_row();
    p.hint(site.tenant);
    REQUIRE(comes_true([&] { return p.counted("looks_total{outcome=\"skipped\"} 6"); }));
    CHECK(p.known(site.tenant) == 1);
    site.in_control("update tenants set status = 'active'");
    CHECK(comes_true([&] { return p.known(site.tenant) == 2; }));
    site.in_control("update tenants set status = 'deleted', deleted_at = now(), purge_after = now()");
    p.hint(site.tenant);
    CHECK(comes_true([&] { return p.known(site.tenant) == 0; }));
    CHECK(comes_true([&] { return p.number({"ZCARD", "bh:q:hints"}) == 0; }));
    // One that is gone altogether, and one that a round finds.
    p.hint(uuid::generate());
    CHECK(comes_true([&] { return p.number({"ZCARD", "bh:q:hints"}) == 0; }));
    std::vector<queue::ticket> left{{.tenant = site.tenant, .id = row, .kind = "test.row"}};
    REQUIRE(p.run(p.dispatch().push(std::move(left))));
    p.ask({"DEL", "bh:q:rounds"});
    CHECK(comes_true([&] { return p.known(site.tenant) == 0; }));
}

TEST_CASE("relay: killed in the middle of a look or of a round, another one goes on", "[integration]") {
    for (const std::string_view point : {"relay.before-push", "relay.after-push", "reconcile.spread"}) {
        INFO(point);
        const queue_site site;
        program_settings settings;
        settings.relay.round_limit = 500ms;
        {
            queue_program before(site);
            flush(before);
        }
        std::set<uuid> all;
        for (int i = 0; i < 3; ++i) all.insert(site.insert_row());
        REQUIRE(dies_at(point, [&] {
            queue_program p(site, settings);
            p.start_relay();
            std::this_thread::sleep_for(20s);
        }));
        queue_program p(site, settings);
        p.start_relay();
        CHECK(comes_true([&] { return p.known(site.tenant) == 3; }));
        CHECK(p.fetch(site.tenant) == all);
    }
}

}  // namespace
}  // namespace bulkhead::testing
