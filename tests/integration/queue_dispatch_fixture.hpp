// SPDX-License-Identifier: Apache-2.0
// The queue's scripts in an empty Redis, one shard. Time is helped along by hand: what is due and when a
// lease ends are scores in Redis.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "queue/dispatch.hpp"
#include "queue/dispatch_wire.hpp"
#include "redis_fixture.hpp"

namespace bulkhead::testing {

using queue::delivery;
using queue::push_outcome;
using queue::settlement;
using queue::ticket;
using verdict = queue::settlement::verdict;

struct dispatch_fixture : redis_fixture {
    queue::dispatch jobs{client, 1, 20s};
    const queue::place here{};
    const uuid tenant = uuid::generate();

    dispatch_fixture() : redis_fixture(shared_redis()) {
        REQUIRE(run_until_connected());
        REQUIRE(ask({"FLUSHALL"}).has_value());
        REQUIRE(ask({"CONFIG", "SET", "maxmemory", "0"}).has_value());
    }

    template <class T>
    T value_of(awaitable<result<T>> asked) {
        auto out = wait(std::move(asked));
        REQUIRE(out.has_value());
        return *std::move(out);
    }

    /// A job with a row in a database.
    static ticket row(uuid whose, queue::priority priority = queue::priority::normal) {
        return {.tenant = whose, .id = uuid::generate(), .kind = "mail.send", .priority = priority};
    }
    /// A job that is in Redis only.
    static ticket kept(uuid whose, std::string payload = "{}", std::string unique_key = {}) {
        return {.tenant = whose,
                .id = uuid::generate(),
                .kind = "cache.warm",
                .payload = std::move(payload),
                .unique_key = std::move(unique_key),
                .most_attempts = 3};
    }
    static std::vector<ticket> rows(uuid whose, std::size_t count) {
        std::vector<ticket> out;
        for (std::size_t i = 0; i < count; ++i) out.push_back(row(whose));
        return out;
    }

    std::vector<push_outcome> push(std::vector<ticket> all) { return value_of(jobs.push(std::move(all))); }
    push_outcome push_one(ticket one) { return push(std::vector{std::move(one)}).front(); }
    void push_all(std::vector<ticket> all) {
        for (const auto outcome : push(std::move(all))) REQUIRE(outcome == push_outcome::queued);
    }

    static queue::fetch_wish wish(unsigned most, std::string owner = "worker") {
        return {.most = most, .lease = 15s, .owner = std::move(owner)};
    }
    queue::dispatch::turn turn(queue::fetch_wish what) { return value_of(jobs.fetch(here, std::move(what))); }
    std::vector<delivery> fetch(unsigned most, std::string owner = "worker") {
        return turn(wish(most, std::move(owner))).deliveries;
    }
    /// The id of the only one.
    uuid fetch_one(std::string owner = "worker") {
        const auto got = fetch(1, std::move(owner));
        REQUIRE(got.size() == 1);
        return got.front().id;
    }

    static settlement settled(const delivery& of, verdict what = verdict::done,
                              std::chrono::microseconds took = 1ms, std::chrono::milliseconds delay = {}) {
        return {.tenant = of.tenant, .id = of.id, .what = what, .took = took, .delay = delay};
    }
    queue::dispatch::turn settle(std::vector<settlement> all, queue::fetch_wish what = wish(0)) {
        return value_of(jobs.settle(here, std::move(all), std::move(what)));
    }
    void done(const std::vector<delivery>& all) {
        std::vector<settlement> out;
        for (const auto& one : all) out.push_back(settled(one));
        REQUIRE(settle(std::move(out)).stale == 0);
    }

    std::string key(std::string_view name) const { return queue::key_base(here) + std::string(name); }
    std::string job_key(uuid id) const { return key("j:") + queue::wire::id_bytes(id); }
    std::string tenant_key(uuid id) const { return key("tn:") + queue::wire::id_bytes(id); }
    std::string line_key(uuid whose, int priority = 1) const {
        return key("w:") + queue::wire::id_bytes(whose) + ":" + std::to_string(priority);
    }
    std::int64_t number(std::vector<std::string> argv) {
        const auto reply = ask(std::move(argv));
        REQUIRE(reply.has_value());
        REQUIRE(reply->integer());
        return *reply->integer();
    }
    void end_lease(uuid id) {
        REQUIRE(number({"ZADD", key("lease"), "XX", "CH", "1", queue::wire::id_bytes(id)}) == 1);
    }
    void make_due(uuid id, std::int64_t when = 1) {
        REQUIRE(number({"ZADD", key("due"), "XX", "CH", std::to_string(when), queue::wire::id_bytes(id)}) ==
                1);
    }

    void set_rules(uuid whose, queue::tenant_rules rules) {
        REQUIRE(wait_for_nothing(jobs.set_rules(whose, queue::lane::normal, rules)));
    }
    bool wait_for_nothing(awaitable<result<>> asked) {
        bool good = false, over = false;
        net::co_spawn(context.get_executor(), note_end(std::move(asked), good, over), net::detached);
        REQUIRE(run_until([&] { return over; }));
        return good;
    }
    static awaitable<> note_end(awaitable<result<>> asked, bool& good, bool& over) {
        const auto outcome = co_await std::move(asked);
        good = outcome.has_value();
        over = true;
    }

    queue::dispatch::numbers count() { return value_of(jobs.count(here)); }
    std::vector<std::string> check(bool repair = false) { return value_of(jobs.check(here, repair)); }
    /// Nothing contradicts itself.
    void expect_sound() {
        const auto found = check();
        for (const auto& line : found) INFO(line);
        CHECK(found == std::vector<std::string>{});
    }
    /// Nothing is left but what is remembered of tenants for a while.
    void expect_empty() {
        expect_sound();
        const auto now = count();
        CHECK(now.waiting + now.delayed + now.running + now.dead + now.tenants == 0);
    }
};

inline std::vector<uuid> ids_of(const std::vector<ticket>& all) {
    std::vector<uuid> out;
    for (const auto& one : all) out.push_back(one.id);
    return out;
}
inline std::vector<uuid> ids_of(const std::vector<delivery>& all) {
    std::vector<uuid> out;
    for (const auto& one : all) out.push_back(one.id);
    return out;
}

}  // namespace bulkhead::testing
