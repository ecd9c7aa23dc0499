// SPDX-License-Identifier: Apache-2.0
#include "queue/kind.hpp"

#include "base/testing/catch.hpp"
#include "queue/handler.hpp"

namespace bulkhead::queue {
namespace {

using namespace std::chrono_literals;

struct greeting {
    schema::text<1, 20> name;
};
BOOST_DESCRIBE_STRUCT(greeting, (), (name))

class greet {
public:
    using payload = greeting;
    static constexpr kind_rules kind{.name = "test.greet", .lane = lane::bulk, .retry = {.attempts = 3}};
    awaitable<run_outcome> run(job_context&, payload) { co_return json::value{}; }
};

TEST_CASE("Waits double, are spread, and end at the most") {
    const retry_policy rules{.attempts = 9, .first = 2s, .most = 10s};
    CHECK(wait_after(rules, 1, 0.0) == 1s);
    CHECK(wait_after(rules, 1, 0.5) == 1500ms);
    CHECK(wait_after(rules, 2, 0.0) == 2s);
    CHECK(wait_after(rules, 3, 0.0) == 4s);
    CHECK(wait_after(rules, 4, 0.0) == 5s);
    CHECK(wait_after(rules, 4'000'000'000, 0.999) < 10s);
}

TEST_CASE("What the other side asked for counts if it is longer") {
    const retry_policy rules{.first = 2s, .most = 10s};
    CHECK(wait_after(rules, 1, 0.0, 90s) == 90s);
    CHECK(wait_after(rules, 1, 0.0, 1ms) == 1s);
}

TEST_CASE("Names of kinds") {
    for (const auto* good : {"mail", "mail.send", "a1_b.c2", "queue.probe"}) CHECK(check_kind_name(good));
    for (const auto* bad : {"", ".", "mail.", ".send", "a..b", "Mail", "1a", "a b", "a-b", "a{b}", "a:b"})
        CHECK_FALSE(check_kind_name(bad));
    CHECK(check_kind_name(std::string(64, 'a')));
    CHECK_FALSE(check_kind_name(std::string(65, 'a')));
}

TEST_CASE("A job is made from its payload and the rules of its kind") {
    const auto made = job_of<greet>({.name = schema::text<1, 20>("Ada")});
    CHECK(made.kind == "test.greet");
    CHECK(made.lane == lane::bulk);
    CHECK(made.most_attempts == 3);
    CHECK(made.payload == R"({"name":"Ada"})");
}

TEST_CASE("Handlers are found by kind and check payloads") {
    greet one;
    handlers all;
    all.add(one);
    REQUIRE(all.find("test.greet"));
    CHECK(all.find("test.gree") == nullptr);
    CHECK(all.find("test.greet")->check(R"({"name":"Ada"})"));
    CHECK_FALSE(all.find("test.greet")->check(R"({"name":""})"));
    CHECK_FALSE(all.find("test.greet")->check(R"({"name":"Ada","x":1})"));
    CHECK_THROWS_AS(all.add(one), std::logic_error);
}

}  // namespace
}  // namespace bulkhead::queue
