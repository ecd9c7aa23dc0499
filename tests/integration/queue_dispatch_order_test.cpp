// SPDX-License-Identifier: Apache-2.0
// Which job comes when: order, priorities, delays, duplicates, unique keys, bounds.
#include <map>
#include <optional>
#include <set>

#include "queue_dispatch_fixture.hpp"

namespace bulkhead::testing {
namespace {

using queue::priority;

TEST_CASE_METHOD(dispatch_fixture, "jobs of a tenant run in the order they came in", "[queue]") {
    const auto pushed = rows(tenant, 7);
    push_all(pushed);
    auto got = fetch(3);
    for (const auto& one : fetch(100)) got.push_back(one);
    CHECK(ids_of(got) == ids_of(pushed));
    CHECK(got.front().tenant == tenant);
    CHECK(got.front().kind == "mail.send");
    CHECK(got.front().from == here);
    CHECK(got.front().lost == 0);
    CHECK_FALSE(got.front().payload.has_value());
    CHECK(count().running == 7);
    expect_sound();
    done(got);
    expect_empty();
}

TEST_CASE_METHOD(dispatch_fixture, "a job that is kept in Redis brings its payload along", "[queue]") {
    std::string bytes(8192, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
    const auto pushed = kept(tenant, bytes, "a key");
    REQUIRE(push_one(pushed) == push_outcome::queued);
    const auto got = fetch(5);
    REQUIRE(got.size() == 1);
    CHECK(got[0].payload == bytes);
    CHECK(got[0].attempt == 1);
    CHECK(got[0].most_attempts == 3);
    done(got);
    expect_empty();
}

TEST_CASE_METHOD(dispatch_fixture, "a job is there once, whatever state it is in", "[queue]") {
    auto job = row(tenant);
    REQUIRE(push_one(job) == push_outcome::queued);
    CHECK(push(std::vector{job, row(tenant), job}) ==
          std::vector{push_outcome::known, push_outcome::queued, push_outcome::known});
    const auto got = fetch(10);
    CHECK(got.size() == 2);
    CHECK(push_one(job) == push_outcome::known);
    settle(std::vector{settled(got[0], verdict::later, 1ms, 1h)});
    CHECK(push_one(job) == push_outcome::known);
    make_due(job.id);
    CHECK(ids_of(fetch(10)) == std::vector{job.id});
    expect_sound();
}

TEST_CASE_METHOD(dispatch_fixture, "thousands of jobs are pushed and settled in pieces", "[queue]") {
    std::vector<ticket> all;
    for (int i = 0; i < 350; ++i) all.push_back(kept(tenant, std::string(8000, 'x')));
    for (int i = 0; i < 650; ++i) all.push_back(row(tenant));
    push_all(all);
    CHECK(count().waiting == 1000);
    std::vector<delivery> got;
    while (got.size() < 1000) {
        const auto some = fetch(1000);
        REQUIRE(some.size() == 100);
        got.insert(got.end(), some.begin(), some.end());
    }
    CHECK(ids_of(got) == ids_of(all));
    done(got);
    expect_empty();
}

TEST_CASE_METHOD(dispatch_fixture, "within a tenant the more urgent come first, but none waits for ever",
                 "[queue]") {
    std::vector<ticket> all;
    for (int i = 0; i < 40; ++i)
        for (const auto each : {priority::low, priority::normal, priority::high})
            all.push_back(row(tenant, each));
    push_all(all);
    std::vector<priority> order;
    for (int i = 0; i < 24; ++i) {
        const auto got = fetch(1);
        REQUIRE(got.size() == 1);
        order.push_back(got[0].priority);
        done(got);
    }
    CHECK(std::ranges::count(order, priority::high) == 18);
    CHECK(std::ranges::count(order, priority::normal) == 3);
    CHECK(std::ranges::count(order, priority::low) == 3);
    CHECK(order[0] == priority::high);
    const auto rest = fetch(100);
    CHECK(rest.size() == 96);
    CHECK(rest.front().priority == priority::high);
    CHECK(rest.back().priority == priority::low);
    expect_sound();
}

TEST_CASE_METHOD(dispatch_fixture, "a delayed job waits for its time", "[queue]") {
    auto job = row(tenant);
    job.delay = 1h;
    push_all({job});
    auto got = turn(wish(10));
    CHECK(got.deliveries.empty());
    REQUIRE(got.next.has_value());
    CHECK(*got.next > 59min);
    CHECK(*got.next <= 1h);
    CHECK(count().delayed == 1);
    expect_sound();
    make_due(job.id);
    CHECK(fetch_one() == job.id);
    CHECK_FALSE(turn(wish(1)).next.has_value());

    auto soon = row(tenant);
    soon.delay = 50ms;
    push_all({soon});
    std::vector<delivery> came;
    REQUIRE(run_until([&] {
        if (came.empty()) came = fetch(1);
        return !came.empty();
    }));
    CHECK(came[0].id == soon.id);
    expect_sound();
}

TEST_CASE_METHOD(dispatch_fixture, "more jobs become due than one call moves", "[queue]") {
    auto all = rows(tenant, 350);
    for (auto& one : all) one.delay = 1h;
    push_all(all);
    for (const auto& one : all) make_due(one.id);
    std::size_t got = 0;
    for (int call = 0; call < 4; ++call) got += fetch(100).size();
    CHECK(got == 350);
    expect_sound();
}

TEST_CASE_METHOD(dispatch_fixture, "a released job is the next one again and has not been tried", "[queue]") {
    const auto first = kept(tenant), second = kept(tenant);
    push_all({first, second});
    auto got = fetch(1);
    REQUIRE(got[0].id == first.id);
    settle(std::vector{settled(got[0], verdict::release, 0us)});
    got = fetch(2);
    REQUIRE(ids_of(got) == std::vector{first.id, second.id});
    CHECK(got[0].attempt == 1);
    settle(std::vector{settled(got[0], verdict::later, 1ms, 1h), settled(got[1], verdict::later, 1ms, 1h)});
    make_due(first.id);
    got = fetch(2);
    REQUIRE(ids_of(got) == std::vector{first.id});
    CHECK(got[0].attempt == 2);
    auto not_counted = settled(got[0], verdict::later, 1ms, 1h);
    not_counted.counts = false;
    settle(std::vector{not_counted});
    make_due(first.id);
    got = fetch(2);
    REQUIRE(got.size() == 1);
    CHECK(got[0].attempt == 2);
    expect_sound();
}

TEST_CASE_METHOD(dispatch_fixture, "a unique key admits one open job", "[queue]") {
    const auto first = kept(tenant, "{}", "report"), second = kept(tenant, "{}", "report");
    push_all({first});
    CHECK(push_one(second) == push_outcome::not_unique);
    CHECK(push_one(kept(tenant, "{}", "other")) == push_outcome::queued);
    CHECK(push_one(kept(uuid::generate(), "{}", "report")) == push_outcome::queued);  // somebody else's
    auto got = fetch(3);
    CHECK(push_one(second) == push_outcome::not_unique);
    const auto mine = std::ranges::find(got, first.id, &delivery::id);
    REQUIRE(mine != got.end());

    SECTION("until it is done") { settle(std::vector{settled(*mine)}); }
    SECTION("until it is dead") { settle(std::vector{settled(*mine, verdict::dead)}); }
    SECTION("until it is cancelled") {
        settle(std::vector{settled(*mine, verdict::later, 1ms, 1h)});
        CHECK(push_one(second) == push_outcome::not_unique);
        CHECK(value_of(jobs.cancel(tenant, queue::lane::normal, first.id)) == queue::cancel_outcome::gone);
    }
    SECTION("or until it is lost, whatever the lock says") {
        REQUIRE(ask({"DEL", job_key(first.id)}).has_value());
    }
    CHECK(push_one(second) == push_outcome::queued);
    CHECK(push_one(kept(tenant, "{}", "report")) == push_outcome::not_unique);
}

TEST_CASE_METHOD(dispatch_fixture, "a tenant's line has an end", "[queue]") {
    set_rules(tenant, {.most_waiting = 10, .most_kept = 12});
    const auto outcomes = push(rows(tenant, 15));
    CHECK(std::ranges::count(outcomes, push_outcome::queued) == 10);
    CHECK(std::ranges::count(outcomes, push_outcome::full) == 5);
    push_all({kept(tenant), kept(tenant)});
    CHECK(push_one(kept(tenant)) == push_outcome::full);
    CHECK(push_one(row(uuid::generate())) == push_outcome::queued);

    CHECK(turn(wish(3)).want_more.empty());
    auto got = turn(wish(5));
    CHECK(got.want_more == std::vector{tenant});
    push_all(rows(tenant, 2));
    CHECK(turn(wish(3)).want_more.empty());  // whoever pushed was not turned away
    expect_sound();
}

TEST_CASE_METHOD(dispatch_fixture, "what is due later has an end of its own, and holds up nobody",
                 "[queue]") {
    set_rules(tenant, {.most_waiting = 10, .most_kept = 12});
    const auto late = [&](ticket one) {
        one.delay = 1h;
        return one;
    };
    std::vector<ticket> retries;
    for (int i = 0; i < 15; ++i) retries.push_back(late(row(tenant)));
    const auto outcomes = push(retries);
    CHECK(std::ranges::count(outcomes, push_outcome::queued) == 10);
    CHECK(std::ranges::count(outcomes, push_outcome::full) == 5);
    CHECK(push_one(retries[0]) == push_outcome::known);
    push_all({late(kept(tenant)), late(kept(tenant))});
    CHECK(push_one(late(kept(tenant))) == push_outcome::full);
    // A receiver that is dead for long: retries come from runs too, however many there are.
    const auto more = rows(tenant, 5);
    push_all(more);
    for (const auto& each : fetch(5)) settle(std::vector{settled(each, verdict::later, 1ms, 1h)});
    CHECK(count().delayed == 17);

    const auto others = rows(tenant, 10);
    push_all(others);
    CHECK(push_one(row(tenant)) == push_outcome::full);
    CHECK(turn(wish(4)).want_more.empty());
    CHECK(turn(wish(1)).want_more == std::vector{tenant});  // half of those that wait have gone
    CHECK(push_one(late(row(tenant))) == push_outcome::full);
    CHECK(turn(wish(1)).want_more.empty());  // there is no more room for it because somebody began
    expect_sound();
}

TEST_CASE_METHOD(dispatch_fixture, "what cannot be a job is not pushed", "[queue]") {
    auto job = kept(tenant);
    SECTION("kind") { job.kind = "No Kind"; }
    SECTION("unique key") { job.unique_key = std::string(201, 'x'); }
    SECTION("payload") { job.payload = std::string(8193, 'x'); }
    std::vector<ticket> all{kept(tenant), job};
    const auto outcome = wait(jobs.push(all));
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == errc::validation_failed);
    CHECK(count().waiting == 0);
}

TEST_CASE_METHOD(dispatch_fixture, "who waits for work is woken, one after another", "[queue]") {
    const auto woken = [&]() -> std::optional<double> {
        const auto reply = ask({"ZPOPMIN", key("wake")});
        REQUIRE(reply.has_value());
        REQUIRE(reply->elements());
        if (reply->elements()->empty()) return std::nullopt;
        return std::stod(std::string(reply->elements()->at(1).text().value()));
    };
    CHECK_FALSE(woken().has_value());
    push_all(rows(tenant, 3));
    CHECK(woken() == 0.0);
    fetch(2);
    CHECK(woken() == 0.0);  // there is more
    fetch(1);
    CHECK_FALSE(woken().has_value());

    auto late = row(tenant), later = row(tenant), soon = row(tenant);
    late.delay = 1h;
    later.delay = 2h;
    soon.delay = 1min;
    push_all({late});
    const auto first = woken();
    REQUIRE(first.has_value());
    push_all({later});
    CHECK_FALSE(woken().has_value());  // those who fetched know of an earlier one
    push_all({soon});
    const auto second = woken();
    REQUIRE(second.has_value());
    CHECK(*second < *first);
    CHECK(*second > 1.6e12);
}

TEST_CASE_METHOD(dispatch_fixture, "places do not know of each other", "[queue]") {
    queue::dispatch wide(client, 8, 20s);
    std::map<unsigned, std::size_t> by_shard;
    std::vector<ticket> all;
    for (int i = 0; i < 64; ++i) {
        all.push_back(row(uuid::generate()));
        all.push_back(all.back());
        all.back().id = uuid::generate();
        all.back().lane = queue::lane::bulk;
        ++by_shard[queue::shard_of(all.back().tenant, 8)];
    }
    CHECK(by_shard.size() == 8);
    for (const auto outcome : value_of(wide.push(all))) CHECK(outcome == push_outcome::queued);
    for (const auto& [shard, jobs_there] : by_shard) {
        for (const auto which : {queue::lane::normal, queue::lane::bulk}) {
            const queue::place where{which, shard};
            CHECK(value_of(wide.fetch(where, wish(100))).deliveries.size() == jobs_there);
        }
        const queue::place empty{queue::lane::critical, shard};
        CHECK(value_of(wide.count(empty)).waiting == 0);
        CHECK(value_of(wide.fetch(empty, wish(100))).deliveries.empty());
    }
}

}  // namespace
}  // namespace bulkhead::testing
