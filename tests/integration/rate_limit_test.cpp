// SPDX-License-Identifier: Apache-2.0
// Rate limits against a real Redis: exact counts, checks that go together, the script against its model, and
// what happens while Redis is away, frozen or full.
#include <array>
#include <random>

#include "base/testing/catch.hpp"
#include "ratelimit/check_script.hpp"
#include "ratelimit/limiter.hpp"
#include "redis_fixture.hpp"
#include "redis_server.hpp"

namespace bulkhead::testing {
namespace {

using namespace ratelimit;

/// A limiter with a client of its own, as a reactor has.
struct limiter_fixture : redis_fixture {
    metrics::registry numbers;
    fallback local{numbers};
    limiter limits;

    /// Slow machines wait too, unless the test is about that.
    explicit limiter_fixture(redis_endpoint endpoint = shared_redis(), milliseconds patience = 10s)
        : redis_fixture(std::move(endpoint)),
          limits(context.get_executor(), client, local, numbers, patience) {
        REQUIRE(run_until_connected());
    }

    static awaitable<> keep(limiter& in, subjects of, std::vector<standing>& into) {
        into.push_back(co_await in.check(of));
    }
    void begin(const subjects& of, std::vector<standing>& into) {
        net::co_spawn(context.get_executor(), keep(limits, of, into), net::detached);
    }

    std::vector<standing> check(const subjects& of, std::size_t times = 1) {
        std::vector<standing> out;
        for (std::size_t i = 0; i < times; ++i) begin(of, out);
        REQUIRE(run_until([&] { return out.size() == times; }));
        return out;
    }

    static awaitable<> keep_count(limiter& in, subject of, std::optional<std::int64_t>& into) {
        into = co_await in.counted(std::move(of));
    }
    std::int64_t counted(subject of) {
        std::optional<std::int64_t> out;
        net::co_spawn(context.get_executor(), keep_count(limits, std::move(of), out), net::detached);
        REQUIRE(run_until([&] { return out.has_value(); }));
        return *out;
    }

    [[nodiscard]] double metric(std::string_view name) const {
        const auto page = "\n" + numbers.render();
        const auto at = page.find("\n" + std::string(name) + " ");
        REQUIRE(at != std::string::npos);
        return std::stod(page.substr(at + name.size() + 2));
    }
    [[nodiscard]] double from_redis() const {
        return metric(R"(bulkhead_rate_checks_total{source="redis"})");
    }
    [[nodiscard]] double from_here() const { return metric(R"(bulkhead_rate_checks_total{source="local"})"); }
};

std::string unique_key() {
    static int number = 0;
    return "bh:rate:test:" + std::to_string(::getpid()) + "." + std::to_string(++number);
}

std::size_t passed(const std::vector<standing>& all) {
    return static_cast<std::size_t>(std::ranges::count_if(all, &standing::passes));
}

TEST_CASE("rate limit: exactly as many as the limit says, over all processes", "[ratelimit]") {
    limiter_fixture one, two;
    const policy five("default", {{5, 60s}});
    const subjects of{{&five, unique_key()}};
    std::size_t all = 0;
    for (int i = 0; i < 4; ++i) all += passed(one.check(of, 2)) + passed(two.check(of, 2));
    CHECK(all == 5);
    CHECK(one.counted(of[0]) == 5);
    CHECK(two.counted({&five, unique_key()}) == 0);
    CHECK(one.from_here() + two.from_here() == 0);
}

TEST_CASE("rate limit: what a request is told", "[ratelimit]") {
    limiter_fixture it;
    const policy user("default", {{3, 60s}, {100, 3600s}}), tenant("tenant", {{4, 60s}});
    const auto shared = unique_key();
    const subjects of{{&user, unique_key()}, {&tenant, shared}};
    for (int left = 2; left >= 0; --left) {
        const auto at = it.check(of).front();
        CHECK(at.passes());
        CHECK(at.left == left);
        CHECK(at.subject == 0);
        CHECK(at.window == 0);
        CHECK(at.reset > 30s);
        CHECK(at.reset <= 60s);
    }
    auto at = it.check(of).front();
    CHECK(at.wait > 30s);
    CHECK(at.wait <= 60s);
    CHECK(at.reset == at.wait);
    CHECK(at.left == 0);
    CHECK(it.counted(of[1]) == 3);  // a refused request counts for nobody
    const subjects other{{&user, unique_key()}, {&tenant, shared}};
    at = it.check(other).front();
    CHECK(at.passes());
    CHECK(at.subject == 1);
    CHECK_FALSE(it.check(other).front().passes());
    const auto ttl = it.ask({"PTTL", of[0].key})->integer().value_or(0);
    CHECK(ttl > 7'100'000);
    CHECK(ttl <= 7'200'000);
}

TEST_CASE("rate limit: windows end", "[ratelimit]") {
    limiter_fixture it;
    const policy quick("default", {{2, 1s}});
    const subjects of{{&quick, unique_key()}};
    REQUIRE(passed(it.check(of, 5)) == 2);
    const auto wait = it.check(of).front().wait;
    REQUIRE(wait > 0ms);
    REQUIRE(wait <= 1000ms);
    it.run_for(wait + 5ms);
    CHECK(it.check(of).front().passes());
}

TEST_CASE("rate limit: checks under load go together", "[ratelimit]") {
    limiter_fixture it;
    const policy plenty("default", {{100'000, 60s}});
    const auto calls = [&] {
        const auto text = std::string(it.ask({"INFO", "commandstats"})->text().value_or(""));
        const auto at = text.find("cmdstat_evalsha:calls=");
        return at == std::string::npos ? 0L : std::stol(text.substr(at + 22));
    };
    const subjects of{{&plenty, unique_key()}};
    it.check(of);  // the script is known from here on
    const auto before = calls();
    CHECK(passed(it.check(of, 500)) == 500);
    CHECK(calls() - before <= 20);
    CHECK(it.counted(of[0]) == 501);
    CHECK(it.from_here() == 0);
}

TEST_CASE("rate limit: who is far from a limit does not wait, and the limit is exact", "[ratelimit]") {
    limiter_fixture one, two;
    const policy large("default", {{12'000, 600s}});
    const subjects of{{&large, unique_key()}};
    std::vector<standing> all;
    std::size_t at_once = 0;
    for (int i = 0; i < 325; ++i) {
        for (auto* each : {&one, &two}) {
            const auto before = all.size();
            for (int n = 0; n < 20; ++n) each->begin(of, all);
            each->context.restart();
            each->context.poll();
            at_once += all.size() - before;
        }
        one.run_for(1ms);
        two.run_for(1ms);
    }
    REQUIRE(one.run_until([&] { return two.run_until([&] { return all.size() == 13'000; }, 10ms); }));
    CHECK(passed(all) == 12'000);
    CHECK(at_once > 1000);
    CHECK(one.counted(of[0]) == 12'000);
    CHECK(one.from_here() + two.from_here() == 0);
}

TEST_CASE("rate limit: the script counts as its model does", "[ratelimit]") {
    limiter_fixture it;
    // The clock of Redis is replaced by a number that comes as an argument.
    auto source = check_script().source();
    const std::string_view clock = "redis.call('TIME')";
    source.replace(source.find(clock), clock.size(),
                   "{math.floor(ARGV[#ARGV] / 1000), ARGV[#ARGV] % 1000 * 1000}");
    const redis::script script(source);

    std::mt19937 random(20'260'101);
    const auto below = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most)); };
    for (int round = 0; round < 20; ++round) {
        local_counts model;
        const policy user("default", {{1 + below(8), std::chrono::seconds{1 + below(3)}}, {12, 20s}});
        const policy tenant("tenant", {{1 + below(10), 5s}});
        const auto prefix = unique_key();
        milliseconds now{1'750'000'000'000};
        for (int step = 0; step < 200; ++step) {
            now += milliseconds{below(4) == 0 ? below(6000) : below(300)};
            const subjects of{{&user, prefix + "u" + std::to_string(below(2))}, {&tenant, prefix + "t"}};
            const auto expected = model.check(of, now);
            auto reply = it.wait(it.client.run(
                script, {of[0].key, of[1].key},
                {user.script_argument(), "&" + tenant.script_argument(), std::to_string(now.count())}, 10s));
            REQUIRE(reply);
            std::array<std::int64_t, numbers_of_check> got{};
            for (std::size_t i = 0; i < got.size(); ++i)
                got[i] = (*reply->elements())[i].integer().value_or(-1);
            INFO("round " << round << ", step " << step);
            REQUIRE(got == std::array<std::int64_t, numbers_of_check>{
                               expected.wait.count(),
                               static_cast<std::int64_t>(expected.subject * most_windows + expected.window),
                               expected.left, expected.reset.count()});
        }
    }
}

TEST_CASE("rate limit: a process without Redis counts for itself, and Redis counts again when it is back",
          "[ratelimit]") {
    redis_server server;
    limiter_fixture it(server.endpoint());
    const policy five("default", {{5, 60s}});
    const subjects of{{&five, unique_key()}};
    REQUIRE(passed(it.check(of, 2)) == 2);
    server.kill();
    REQUIRE(it.run_until([&] { return !it.client.connected(); }));
    CHECK(passed(it.check(of, 20)) == 5);
    CHECK(it.from_here() == 20);
    CHECK(it.metric("bulkhead_rate_entries") == 1);
    server.start();
    REQUIRE(it.run_until_connected());
    CHECK(passed(it.check(of, 20)) == 5);  // it has lost its memory
    CHECK(it.from_here() == 20);
}

TEST_CASE("rate limit: nobody waits for a frozen Redis for long", "[ratelimit]") {
    redis_server server;
    limiter_fixture it(server.endpoint(), limiter::usual_patience);
    const policy five("default", {{5, 60s}});
    const subjects of{{&five, unique_key()}};
    REQUIRE(passed(it.check(of)) == 1);
    server.freeze();
    const auto began = steady_clock::now();
    CHECK(passed(it.check(of, 20)) == 5);
    CHECK(it.from_here() == 20);
    for (int i = 0; i < 50; ++i) CHECK(passed(it.check(of)) == 0);  // each alone: none of them waits again
    CHECK(steady_clock::now() - began < 3s);
    server.thaw();
    REQUIRE(it.run_until(
        [&] { return it.client.connected() && it.check(of).size() == 1 && it.from_redis() > 1; }));
}

TEST_CASE("rate limit: a Redis that takes no writes does not count", "[ratelimit]") {
    redis_server server({"--maxmemory-policy", "noeviction"});
    limiter_fixture it(server.endpoint());
    const policy five("default", {{5, 60s}});
    const subjects of{{&five, unique_key()}};
    REQUIRE(it.ask({"CONFIG", "SET", "maxmemory", "1"}));
    CHECK(passed(it.check(of, 20)) == 5);
    CHECK(it.from_here() == 20);
    REQUIRE(it.ask({"CONFIG", "SET", "maxmemory", "0"}));
    it.check(of);
    CHECK(it.from_redis() == 1);
}

}  // namespace
}  // namespace bulkhead::testing
