// SPDX-License-Identifier: Apache-2.0
// Who has a job: leases, heartbeats, workers that vanish, jobs that take them down, cancelling.
#include "queue_dispatch_fixture.hpp"

namespace bulkhead::testing {
namespace {

using queue::cancel_outcome;
using queue::job_progress;

struct lease_fixture : dispatch_fixture {
    queue::beat_news beat(std::vector<job_progress> all, std::string owner = "worker") {
        return value_of(jobs.beat(here, std::move(owner), 15s, std::move(all)));
    }
    queue::beat_news beat(const delivery& of, std::string owner = "worker") {
        return beat(std::vector{job_progress{.tenant = of.tenant, .id = of.id}}, std::move(owner));
    }
    queue::dispatch::reaped reap(unsigned most = 100, std::string owner = "worker") {
        return value_of(jobs.reap(here, std::move(owner), most));
    }
    cancel_outcome cancel(uuid id) { return value_of(jobs.cancel(tenant, queue::lane::normal, id)); }
    queue::dispatch::explanation explain(uuid id) {
        return value_of(jobs.explain(tenant, queue::lane::normal, id));
    }
    double lease_end(uuid id) {
        const auto reply = ask({"ZSCORE", key("lease"), queue::wire::id_bytes(id)});
        REQUIRE(reply.has_value());
        REQUIRE(reply->text());
        return std::stod(std::string(*reply->text()));
    }
};

TEST_CASE_METHOD(lease_fixture, "a lease that ran out gives the job to somebody else", "[queue]") {
    const auto first = kept(tenant), second = kept(tenant);
    push_all({first, second});
    const auto got = fetch(1, "dying");
    REQUIRE(got.size() == 1);
    CHECK(reap().returned == 0);
    end_lease(first.id);
    const auto reaped = reap();
    CHECK(reaped.returned == 1);
    CHECK(reaped.poison.empty());
    expect_sound();

    const auto again = fetch(2, "living");
    REQUIRE(ids_of(again) == std::vector{first.id, second.id});  // at the head of its line
    CHECK(again[0].lost == 1);
    CHECK(again[0].attempt == 1);  // no attempt is burnt

    SECTION("whose settlement counts, not that of the first") {
        for (const auto what : {verdict::done, verdict::later, verdict::release, verdict::dead})
            CHECK(settle(std::vector{settled(got[0], what)}, wish(0, "dying")).stale == 1);
        CHECK(count().running == 2);
        CHECK(settle(std::vector{settled(again[0])}, wish(0, "living")).stale == 0);
        CHECK(settle(std::vector{settled(again[0])}, wish(0, "living")).stale == 1);  // once
    }
    SECTION("and the first one hears of it") {
        CHECK(beat(got[0], "dying").lost == std::vector{first.id});
        CHECK(beat(again[0], "living").lost.empty());
    }
    expect_sound();
}

TEST_CASE_METHOD(lease_fixture, "a heartbeat keeps the lease", "[queue]") {
    push_all({row(tenant)});
    const auto got = fetch(1);
    end_lease(got[0].id);
    CHECK(lease_end(got[0].id) == 1);
    CHECK(beat(got[0]).lost.empty());  // late, but nobody has taken it yet
    CHECK(lease_end(got[0].id) > 1.6e12);
    CHECK(reap().returned == 0);
    const auto before = lease_end(got[0].id);
    value_of(jobs.beat(here, "worker", 1ms, std::vector{job_progress{.tenant = tenant, .id = got[0].id}}));
    CHECK(lease_end(got[0].id) >= before);  // never shorter

    std::vector<job_progress> many{{.tenant = tenant, .id = got[0].id}};
    for (int i = 0; i < 250; ++i) many.push_back({.tenant = tenant, .id = uuid::generate()});
    CHECK(beat(many).lost.size() == 250);
}

TEST_CASE_METHOD(lease_fixture, "progress can be seen while the job runs", "[queue]") {
    push_all({row(tenant)});
    const auto got = fetch(1);
    CHECK_FALSE(explain(got[0].id).percent.has_value());
    beat(std::vector{job_progress{.tenant = tenant, .id = got[0].id, .percent = 42, .note = "half of it"}});
    beat(got[0]);  // says nothing new
    const auto seen = explain(got[0].id);
    CHECK(seen.state == "running");
    CHECK(seen.percent == 42u);
    CHECK(seen.note == "half of it");
    done(got);
    CHECK(number({"EXISTS", key("note")}) == 0);
    expect_empty();
}

TEST_CASE_METHOD(lease_fixture, "a job that takes its workers down is given up", "[queue]") {
    const bool in_redis = GENERATE(false, true);
    const auto job = in_redis ? kept(tenant, "{}", "key") : row(tenant);
    push_all({job});
    for (unsigned lost = 0; lost < 4; ++lost) {
        const auto got = fetch(1);
        REQUIRE(got.size() == 1);
        CHECK(got[0].lost == lost);
        end_lease(job.id);
        const auto reaped = reap();
        const bool dead = in_redis && lost == queue::most_lost;
        CHECK(reaped.returned == (dead ? 0u : 1u));
        REQUIRE(reaped.poison.size() == (dead ? 1u : 0u));
        if (lost == 1 || lost == 2) make_due(job.id);
        if (!dead) continue;
        CHECK(reaped.poison[0].id == job.id);
        CHECK(reaped.poison[0].tenant == tenant);
        CHECK(reaped.poison[0].kind == job.kind);
        CHECK(reaped.poison[0].lost == 4);
        CHECK(reaped.poison[0].payload == job.payload);
    }
    if (in_redis) {
        CHECK(fetch(1).empty());
        CHECK(count().dead == 1);
        CHECK(explain(job.id).state == "dead");
        CHECK(push_one(kept(tenant, "{}", "key")) == push_outcome::queued);
    } else {
        // Nothing forgets how often that was: whoever has it next is to write it down, and who dies of that,
        // too.
        for (unsigned lost = 4; lost < 7; ++lost) {
            const auto got = fetch(1);
            REQUIRE(got.size() == 1);
            CHECK(got[0].lost == lost);
            end_lease(job.id);
            CHECK(reap().returned == 1);
        }
    }
    expect_sound();
}

TEST_CASE_METHOD(lease_fixture, "a job whose run has ended is none that takes workers down", "[queue]") {
    const auto in_redis = GENERATE(false, true);
    const auto what = GENERATE(verdict::later, verdict::release);
    const auto job = in_redis ? kept(tenant) : row(tenant);
    push_all({job});
    auto got = fetch(1);
    end_lease(job.id);
    REQUIRE(reap().returned == 1);
    got = fetch(1);
    REQUIRE(got[0].lost == 1);
    const auto end = [&](bool ran) {
        auto one = settled(got[0], what, 1ms, 1h);
        one.ran = ran;
        settle(std::vector{one});
        if (what == verdict::later) make_due(job.id);
        got = fetch(1);
        REQUIRE(got.size() == 1);
        return got[0].lost;
    };
    CHECK(end(false) == 1);  // its tenant was closed, say: nothing has run
    CHECK(end(true) == 0);
    expect_sound();
}

TEST_CASE_METHOD(lease_fixture, "those that lost their worker together twice run apart", "[queue]") {
    const auto all = rows(tenant, 3);
    push_all(all);
    for (int i = 0; i < 2; ++i) {
        REQUIRE(fetch(3).size() == 3);
        for (const auto& each : all) end_lease(each.id);
        CHECK(reap().returned == 3);
    }
    // One of them may be what they died of, and the others take half a minute.
    CHECK(count().delayed == 3);
    std::vector<double> moments;
    for (const auto& each : all) {
        const auto reply = ask({"ZSCORE", key("due"), queue::wire::id_bytes(each.id)});
        REQUIRE(reply.has_value());
        moments.push_back(std::stod(std::string(reply->text().value())));
    }
    std::ranges::sort(moments);
    CHECK(moments[1] - moments[0] >= 30'000);
    CHECK(moments[2] - moments[1] >= 30'000);
    CHECK(moments[2] - moments[0] <= 120'000);
    for (const auto& each : all) make_due(each.id);
    CHECK(fetch(3).size() == 3);
    expect_sound();

    // A crowd is not spread over hours.
    const auto crowd = rows(uuid::generate(), 50);
    push_all(crowd);
    for (int i = 0; i < 2; ++i) {
        REQUIRE(fetch(50).size() == 50);
        for (const auto& each : crowd) end_lease(each.id);
        CHECK(reap().returned == 50);
    }
    const auto last = ask({"ZRANGE", key("due"), "-1", "-1", "WITHSCORES"});
    const auto first = ask({"ZRANGE", key("due"), "0", "0", "WITHSCORES"});
    REQUIRE((last && first && last->elements()->size() == 2));
    CHECK(std::stod(std::string(*last->elements()->at(1).text())) -
              std::stod(std::string(*first->elements()->at(1).text())) <=
          120'000 + 60'000);
    expect_sound();
}

TEST_CASE_METHOD(lease_fixture, "many leases are taken back in steps", "[queue]") {
    push_all(rows(tenant, 250));
    for (int i = 0; i < 3; ++i)
        for (const auto& one : fetch(100)) end_lease(one.id);
    CHECK(count().running == 250);
    CHECK(reap(50).returned == 50);
    CHECK(reap().returned == 100);
    CHECK(reap(1000).returned == 100);
    CHECK(reap().returned == 0);
    expect_sound();
    CHECK(count().waiting == 250);
}

TEST_CASE_METHOD(lease_fixture, "a cancelled job does not run", "[queue]") {
    const auto job = kept(tenant, "{}", "key"), other = kept(tenant);
    push_all({job, other});
    SECTION("that waited") {
        CHECK(cancel(job.id) == cancel_outcome::gone);
        CHECK(cancel(job.id) == cancel_outcome::unknown);
        CHECK(ids_of(fetch(5)) == std::vector{other.id});
    }
    SECTION("that was delayed") {
        settle(std::vector{settled(fetch(1)[0], verdict::later, 1ms, 1h)});
        CHECK(cancel(job.id) == cancel_outcome::gone);
        CHECK(count().delayed == 0);
        CHECK(ids_of(fetch(5)) == std::vector{other.id});
    }
    SECTION("that waited, and was wanted once more") {
        CHECK(cancel(job.id) == cancel_outcome::gone);
        push_all({job});
        CHECK(fetch(5).size() == 2);  // once, though its id is in the line twice
    }
    SECTION("of another tenant is none of ours") {
        CHECK(value_of(jobs.cancel(uuid::generate(), queue::lane::normal, job.id)) ==
              cancel_outcome::unknown);
        CHECK(fetch(5).size() == 2);
    }
    expect_sound();
}

TEST_CASE_METHOD(lease_fixture, "the worker of a cancelled job hears of it", "[queue]") {
    const auto job = kept(tenant);
    push_all({job});
    const auto got = fetch(1);
    CHECK(beat(got[0]).cancelled.empty());
    CHECK(cancel(job.id) == cancel_outcome::running);
    CHECK(beat(got[0]).cancelled == std::vector{job.id});
    CHECK(beat(got[0]).cancelled == std::vector{job.id});  // until it has ended
    CHECK(reap(100, "another").cancelled.empty());
    CHECK(reap().cancelled == std::vector{job.id});
    CHECK(reap().cancelled.empty());  // once; the heartbeat says the rest
    expect_sound();
    SECTION("it ends") { done(got); }
    SECTION("it is not tried again") { settle(std::vector{settled(got[0], verdict::later, 1ms, 1s)}); }
    SECTION("what its worker has not heard when it ends is forgotten") {
        CHECK(cancel(job.id) == cancel_outcome::running);
        done(got);
        CHECK(reap().cancelled.empty());
        CHECK(value_of(jobs.check(here, false)).empty());
    }
    SECTION("it is not run by another when this one dies") {
        end_lease(job.id);
        CHECK(reap().returned == 0);
    }
    expect_empty();
}

TEST_CASE_METHOD(lease_fixture, "a cancelled job of a database is handed out with that", "[queue]") {
    auto job = kept(tenant);
    job.payload.reset();  // its row is elsewhere
    push_all({job});
    CHECK_FALSE(fetch(1)[0].unwanted);
    CHECK(cancel(job.id) == cancel_outcome::running);
    end_lease(job.id);
    CHECK(reap().returned == 1);
    const auto again = fetch(1);
    REQUIRE(again.size() == 1);
    CHECK(again[0].unwanted);
    expect_sound();
}

TEST_CASE_METHOD(lease_fixture, "a cancelled job whose row says that it runs is handed out with that",
                 "[queue]") {
    const auto job = row(tenant), light = kept(tenant);
    const auto cancel_running = [&](uuid id) {
        return value_of(jobs.cancel(tenant, queue::lane::normal, id, true));
    };
    push_all({job, light});
    CHECK(cancel_running(light.id) == cancel_outcome::gone);  // it has no row
    SECTION("that waits after its worker died") {
        const auto lost = fetch(1, "dying");
        end_lease(job.id);
        REQUIRE(reap().returned == 1);
    }
    SECTION("that is delayed since its database was away") {
        settle(std::vector{settled(fetch(1)[0], verdict::later, 1ms, 1h)});
    }
    CHECK(cancel_running(job.id) == cancel_outcome::running);
    const auto again = fetch(5);
    REQUIRE(ids_of(again) == std::vector{job.id});
    CHECK(again[0].unwanted);
    expect_sound();
    done(again);
    expect_empty();
}

TEST_CASE_METHOD(lease_fixture, "a tenant's jobs are forgotten, and again at no cost", "[queue]") {
    push_all({row(tenant), kept(tenant)});
    auto verdict_of = settled(fetch(1)[0], verdict::later, 1ms, 1h);
    settle(std::vector{verdict_of});
    auto late = row(tenant);
    late.delay = 1h;
    push_all({late, row(tenant)});
    CHECK(value_of(jobs.purge(tenant)) == 4);
    expect_empty();
    const auto calls = [&] {
        const auto text = std::string(ask({"INFO", "commandstats"})->text().value());
        std::size_t out = 0;
        for (const std::string_view name : {"cmdstat_zscan:", "cmdstat_lpop:"})
            if (const auto at = text.find(name); at != std::string::npos)
                out += std::stoul(text.substr(text.find("calls=", at) + 6));
        return out;
    };
    const auto before = calls();
    CHECK(value_of(jobs.purge(tenant, true)) == 0);
    CHECK(calls() == before);
    push_all({row(tenant)});
    CHECK(value_of(jobs.purge(tenant, true)) == 1);
    expect_empty();
}

TEST_CASE_METHOD(lease_fixture, "the dead are kept, but not without end", "[queue]") {
    const auto job = kept(tenant);
    push_all({job});
    auto verdict_of = settled(fetch(1)[0], verdict::dead);
    verdict_of.reason = "no such image";
    settle(std::vector{verdict_of});
    CHECK(explain(job.id).state == "dead");
    CHECK(explain(job.id).note == "no such image");
    CHECK(push_one(job) == push_outcome::known);
    CHECK(cancel(job.id) == cancel_outcome::unknown);
    expect_sound();

    std::vector<std::string> many{"ZADD", key("dead")};
    for (int i = 0; i < 10'000; ++i) {
        many.emplace_back(std::to_string(1'000'000'000'000 + i));
        many.emplace_back(std::to_string(i));
    }
    REQUIRE(ask(many).has_value());
    many = {"ZADD", key("dead"), "XX", "1", queue::wire::id_bytes(job.id)};
    REQUIRE(ask(many).has_value());
    push_all({kept(tenant)});
    settle(std::vector{settled(fetch(1)[0], verdict::dead)});
    CHECK(count().dead == 10'000);
    CHECK(explain(job.id).state == "unknown");
}

TEST_CASE_METHOD(lease_fixture, "a job with a row that has failed for good is forgotten", "[queue]") {
    push_all({row(tenant)});
    settle(std::vector{settled(fetch(1)[0], verdict::dead)});
    expect_empty();
}

TEST_CASE_METHOD(lease_fixture, "a Redis that is full takes no jobs but gives those that it has", "[queue]") {
    push_all(rows(tenant, 20));
    const auto running = fetch(5);
    end_lease(running[4].id);
    REQUIRE(ask({"CONFIG", "SET", "maxmemory", "1"}).has_value());
    const auto all = rows(tenant, 1);
    const auto refused = wait(jobs.push(all));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == errc::unavailable);
    CHECK(beat(running[0]).lost.empty());
    CHECK(reap().returned == 1);
    CHECK(cancel(running[3].id) == cancel_outcome::running);
    const auto next = settle(std::vector{settled(running[0]), settled(running[1], verdict::release, 0us),
                                         settled(running[2], verdict::later, 1ms, 1s)},
                             wish(3));
    CHECK(next.stale == 0);
    CHECK(next.deliveries.size() == 3);
    REQUIRE(ask({"CONFIG", "SET", "maxmemory", "0"}).has_value());
    CHECK(count().waiting == 15 + 1 + 1 - 3);
    expect_sound();
}

}  // namespace
}  // namespace bulkhead::testing
