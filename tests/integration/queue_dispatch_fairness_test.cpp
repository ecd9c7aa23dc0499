// SPDX-License-Identifier: Apache-2.0
// Whose turn it is: workers' time is shared, and limits hold.
#include <cstring>
#include <map>

#include "queue_dispatch_fixture.hpp"

namespace bulkhead::testing {
namespace {

struct fairness_fixture : dispatch_fixture {
    std::map<uuid, std::chrono::microseconds> cost;  // of a tenant's jobs
    std::map<uuid, std::chrono::microseconds> used;
    std::map<uuid, unsigned> ran;

    /// A process with so many slots runs jobs whose time is only said: the one that ends first is settled,
    /// then the next one is fetched.
    void run(unsigned slots, std::chrono::microseconds until) {
        std::multimap<std::chrono::microseconds, delivery> running;
        std::chrono::microseconds now{};
        std::vector<settlement> ended;
        while (now < until) {
            const auto got =
                settle(std::exchange(ended, {}), wish(slots - static_cast<unsigned>(running.size())));
            REQUIRE(got.stale == 0);
            for (const auto& one : got.deliveries) running.emplace(now + cost.at(one.tenant), one);
            REQUIRE_FALSE(running.empty());
            const auto first = running.begin();
            now = first->first;
            const auto& one = first->second;
            ended.push_back(settled(one, verdict::done, cost.at(one.tenant)));
            used[one.tenant] += cost.at(one.tenant);
            ++ran[one.tenant];
            running.erase(first);
        }
        for (const auto& [end, one] : running) ended.push_back(settled(one));
        settle(std::move(ended));
    }

    static double ratio(std::chrono::microseconds a, std::chrono::microseconds b) {
        return static_cast<double>(a.count()) / static_cast<double>(b.count());
    }
};

TEST_CASE_METHOD(fairness_fixture, "tenants get the same time, not the same number of jobs", "[queue]") {
    const uuid slow = uuid::generate(), quick = uuid::generate();
    cost = {{slow, 50ms}, {quick, 5ms}};
    push_all(rows(slow, 1000));
    set_rules(quick, {.most_waiting = 10'000});
    push_all(rows(quick, 3000));
    run(4, 3s);
    CHECK(ratio(used[slow], used[quick]) > 0.9);
    CHECK(ratio(used[slow], used[quick]) < 1.1);
    CHECK(ran[quick] > 8 * ran[slow]);
    expect_sound();
}

TEST_CASE_METHOD(fairness_fixture, "a tenant's weight is its part of the time", "[queue]") {
    const uuid small = uuid::generate(), large = uuid::generate();
    cost = {{small, 20ms}, {large, 20ms}};
    set_rules(large, {.weight = 4});
    push_all(rows(small, 1000));
    push_all(rows(large, 1000));
    run(5, 2s);
    CHECK(ratio(used[large], used[small]) > 3.6);
    CHECK(ratio(used[large], used[small]) < 4.4);
    expect_sound();
}

TEST_CASE_METHOD(fairness_fixture, "a quiet tenant is served before a backlog", "[queue]") {
    const uuid noisy = uuid::generate();
    cost = {{noisy, 10ms}};
    set_rules(noisy, {.most_waiting = 10'000});
    push_all(rows(noisy, 1'500));
    run(8, 500ms);
    for (int round = 0; round < 20; ++round) {
        const auto quiet = row(uuid::generate());
        push_all({quiet});
        const auto got = fetch(4);
        REQUIRE(got.size() == 4);
        CHECK(got[0].id == quiet.id);
        std::vector<settlement> ended;
        for (const auto& one : got) ended.push_back(settled(one, verdict::done, 10ms));
        settle(std::move(ended));
    }
    expect_sound();
}

TEST_CASE_METHOD(fairness_fixture, "time that nobody wanted is not held against who took it", "[queue]") {
    const uuid lone = uuid::generate(), late = uuid::generate();
    push_all(rows(lone, 10));
    std::vector<settlement> ended;
    for (const auto& one : fetch(10)) ended.push_back(settled(one, verdict::done, 1h));
    settle(std::move(ended), wish(1));  // nobody else waits

    cost = {{lone, 10ms}, {late, 10ms}};
    push_all(rows(late, 500));
    push_all(rows(lone, 500));
    run(4, 1s);
    CHECK(ratio(used[lone], used[late]) > 0.8);
    CHECK(ratio(used[lone], used[late]) < 1.25);
}

TEST_CASE_METHOD(fairness_fixture, "what runs for long is charged while it runs", "[queue]") {
    const uuid slow = uuid::generate(), quick = uuid::generate();
    push_all(rows(slow, 100));
    const auto running = fetch(4);
    REQUIRE(running.size() == 4);
    push_all(rows(quick, 100));
    // They began a minute ago: `since` is at byte 9 of a job.
    for (const auto& one : running) {
        const auto now = ask({"TIME"});
        const auto ms = std::stoll(std::string(*now->elements()->at(0).text())) * 1000 - 60'000;
        std::string bytes;
        for (int i = 0; i < 6; ++i) bytes += static_cast<char>(ms >> 8 * i & 0xFF);
        REQUIRE(ask({"SETRANGE", job_key(one.id), "9", bytes}).has_value());
    }
    std::vector<queue::job_progress> beats;
    for (const auto& one : running) beats.push_back({.tenant = one.tenant, .id = one.id});
    CHECK(value_of(jobs.beat(here, "worker", 15s, beats)).lost.empty());
    const auto next = fetch(60);
    for (const auto& one : next) CHECK(one.tenant == quick);
    std::vector<settlement> ended;
    for (const auto& one : running) ended.push_back(settled(one, verdict::done, 60s));
    settle(std::move(ended));
    expect_sound();
}

TEST_CASE_METHOD(fairness_fixture, "a cap holds, and ends with what it counts", "[queue]") {
    set_rules(tenant, {.most_running = 3});
    push_all(rows(tenant, 10));
    const uuid other = uuid::generate();
    push_all(rows(other, 2));
    const auto got = fetch(10);
    CHECK(got.size() == 5);
    CHECK(std::ranges::count(got, tenant, &delivery::tenant) == 3);
    CHECK(fetch(10).empty());
    CHECK(count().parked == 1);
    expect_sound();

    std::vector<delivery> mine;
    std::ranges::copy_if(got, std::back_inserter(mine),
                         [&](const auto& one) { return one.tenant == tenant; });
    const auto why = value_of(jobs.explain(tenant, queue::lane::normal, uuid::generate()));
    CHECK(why.state == "unknown");
    SECTION("settled jobs make room in the same turn") {
        const auto next =
            settle(std::vector{settled(mine[0]), settled(mine[1], verdict::later, 1ms, 1h)}, wish(10));
        CHECK(next.deliveries.size() == 2);
    }
    SECTION("so do lost ones") {
        end_lease(mine[0].id);
        CHECK(value_of(jobs.reap(here)).returned == 1);
        CHECK(fetch(10).size() == 1);
    }
    SECTION("and other rules") {
        set_rules(tenant, {.most_running = 5});
        CHECK(fetch(10).size() == 2);
    }
    SECTION("none at all is a pause") {
        set_rules(tenant, {.most_running = 0});
        done(mine);
        CHECK(fetch(10).empty());
        set_rules(tenant, {});
        CHECK(fetch(10).size() == 7);
    }
    expect_sound();
}

TEST_CASE_METHOD(fairness_fixture, "one tenant does not get all slots", "[queue]") {
    push_all(rows(tenant, 100));
    auto mine = wish(100, "one");
    mine.slots = 10;
    CHECK(turn(mine).deliveries.size() == 8);
    CHECK(turn(mine).deliveries.empty());
    const uuid other = uuid::generate();
    push_all(rows(other, 1));
    CHECK(turn(mine).deliveries.size() == 1);

    auto second = wish(100, "two");  // another process comes up: 20 slots
    second.slots = 10;
    CHECK(turn(second).deliveries.size() == 8);
    expect_sound();
    set_rules(tenant, {.most_running = 90});  // somebody has decided
    CHECK(turn(second).deliveries.size() == 74);
    expect_sound();
}

TEST_CASE_METHOD(fairness_fixture, "a rate holds", "[queue]") {
    set_rules(tenant, {.per_second = 50, .burst = 5});
    push_all(rows(tenant, 500));
    CHECK(fetch(100).size() == 5);
    const auto began = steady_clock::now();
    std::size_t started = 0;
    bool was_parked = false;
    while (steady_clock::now() - began < 1s) {
        const auto got = turn(wish(100));
        started += got.deliveries.size();
        if (got.next) was_parked = true;
        run_for(5ms);
    }
    const auto took = std::chrono::duration<double>(steady_clock::now() - began).count();
    CHECK(static_cast<double>(started) <= 50 * took + 6);
    CHECK(static_cast<double>(started) >= 25);  // less only if this machine is very busy
    CHECK(was_parked);
    expect_sound();
    const uuid other = uuid::generate();
    push_all(rows(other, 3));
    const auto got = fetch(20);
    CHECK(std::ranges::count(got, other, &delivery::tenant) == 3);
}

TEST_CASE_METHOD(fairness_fixture, "virtual time begins anew before it gets coarse", "[queue]") {
    const uuid slow = uuid::generate(), quick = uuid::generate();
    cost = {{slow, 50ms}, {quick, 5ms}};
    push_all(rows(slow, 500));
    push_all(rows(quick, 500));
    fetch(8);
    // The place is layout, epoch (4 bytes), virtual time (a double at byte 5) …
    const auto far = GENERATE(9.9e14, 2e15);
    std::string bytes(sizeof far, '\0');
    std::memcpy(bytes.data(), &far, sizeof far);
    REQUIRE(ask({"SETRANGE", key("m"), "5", bytes}).has_value());
    for (const auto whose : {slow, quick})
        REQUIRE(ask({"ZADD", key("ring"), "2e15", queue::wire::id_bytes(whose)}).has_value());
    used.clear();
    run(4, 1s);
    CHECK(ratio(used[slow], used[quick]) > 0.8);
    CHECK(ratio(used[slow], used[quick]) < 1.25);
    const auto score = ask({"ZRANGE", key("ring"), "0", "0", "WITHSCORES"});
    CHECK(std::stod(std::string(*score->elements()->at(1).text())) < 1e12);
    expect_sound();
}

}  // namespace
}  // namespace bulkhead::testing
