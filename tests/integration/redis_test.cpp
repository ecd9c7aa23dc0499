// SPDX-License-Identifier: Apache-2.0
// The Redis client against a real server: order under load, loss and return of the server, refused
// credentials, a server that hangs. The faults that a real server does not show are in
// libs/persistence/redis/client_test.cpp.
#include "redis_fixture.hpp"
#include "redis_server.hpp"

using namespace bulkhead;
using namespace bulkhead::redis;
using namespace bulkhead::testing;

namespace {

const script add_script(R"(
local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
return {sum, ARGV[2]}
)");

std::string from_nowhere(redis_fixture& f, const std::string& key) {
    const auto deleted = f.ask({"DEL", key});
    REQUIRE(deleted.has_value());
    return key;
}

}  // namespace

TEST_CASE("redis: a thousand commands at once are answered in order", "[integration]") {
    redis_fixture f(shared_redis());
    REQUIRE(f.run_until_connected());
    REQUIRE(f.ask({"DEL", "bh:test:counter"}).has_value());
    std::vector<redis_fixture::answer> slots;
    for (int i = 0; i < 1000; ++i) slots.push_back(f.begin({"INCR", "bh:test:counter"}));
    for (std::size_t i = 0; i < slots.size(); ++i) {
        REQUIRE(f.run_until([&] { return slots[i]->has_value(); }));
        REQUIRE((*slots[i])->has_value());
        CHECK((**slots[i])->integer() == static_cast<std::int64_t>(i) + 1);
    }
    CHECK(f.changes == std::vector<std::string>{"up: connected"});
}

TEST_CASE("redis: values of any bytes and any size come back", "[integration]") {
    redis_fixture f(shared_redis());
    REQUIRE(f.run_until_connected());
    for (const std::size_t size : {0u, 1u, 16384u, 5u << 20}) {
        std::string value(size, '\r');
        for (std::size_t i = 0; i < size; ++i) value[i] = static_cast<char>(i * 31);
        REQUIRE(f.ask({"SET", "bh:test:bytes", value}).has_value());
        const auto back = f.ask({"GET", "bh:test:bytes"});
        REQUIRE(back.has_value());
        CHECK(back->text() == value);
    }
    CHECK(f.ask({"GET", "bh:test:absent"})->is_nil());
    CHECK(f.ask({"NO-SUCH-COMMAND"}).error().code == errc::internal);
    CHECK(f.client.connected());
}

TEST_CASE("redis: the database is the one that was asked for", "[integration]") {
    auto third = shared_redis();
    third.database = 3;
    redis_fixture zero(shared_redis());
    redis_fixture three(std::move(third));
    REQUIRE(zero.run_until_connected());
    REQUIRE(three.run_until_connected());
    REQUIRE(three.ask({"SET", "bh:test:where", "three"}).has_value());
    CHECK(zero.ask({"GET", "bh:test:where"})->is_nil());
}

TEST_CASE("redis: a name is resolved", "[integration]") {
    auto endpoint = shared_redis();
    endpoint.host = "localhost";
    redis_fixture f(std::move(endpoint));
    CHECK(f.run_until_connected());
}

TEST_CASE("redis: wrong credentials are refused for good", "[integration]") {
    for (const auto* password : {"", "wrong"}) {
        auto endpoint = shared_redis();
        endpoint.password = secret(password);
        redis_fixture f(std::move(endpoint));
        REQUIRE(f.run_until([&] { return f.changes.size() >= 2; }));
        CHECK_FALSE(f.client.connected());
        CHECK(f.changes[0].starts_with("down: it refused us: "));
        CHECK(f.changes[0].find("wrong:") == std::string::npos);
        CHECK(f.ask({"PING"}).error().code == errc::unavailable);
    }
}

TEST_CASE("redis: scripts run by their hash, and again after the server has forgotten them",
          "[integration]") {
    redis_server server;
    redis_fixture f(server.endpoint());
    REQUIRE(f.run_until_connected());
    const auto add = [&](std::string number, std::string word) {
        return f.client.run(add_script, {"bh:test:sum"}, {std::move(number), std::move(word)}, 10s);
    };
    for (const int expected : {2, 4, 6}) {
        const auto reply = f.wait(add("2", "a\r\n\xff"));
        REQUIRE(reply.has_value());
        REQUIRE(reply->elements());
        CHECK(reply->elements()->at(0).integer() == expected);
        CHECK(reply->elements()->at(1).text() == "a\r\n\xff");
        if (expected == 4) server.admin({"SCRIPT", "FLUSH"});
    }
    CHECK(server.admin({"SCRIPT", "EXISTS", add_script.sha1()}) == "1");
    // The first one and the one after the flush were sent as text, nothing else.
    const auto stats = server.admin({"INFO", "commandstats"});
    CHECK(stats.find("cmdstat_eval:calls=2,") != std::string::npos);
    CHECK(stats.find("cmdstat_evalsha:calls=3,") != std::string::npos);

    server.admin({"SCRIPT", "FLUSH"});
    std::vector<redis_fixture::answer> slots;
    for (int i = 0; i < 200; ++i) slots.push_back(f.begin(add("1", "")));
    for (const auto& slot : slots) {
        REQUIRE(f.run_until([&] { return slot->has_value(); }));
        REQUIRE((*slot)->has_value());
    }
    CHECK(f.ask({"GET", "bh:test:sum"})->text() == "206");

    const script failing("return redis.error_reply('MINE not so')");
    CHECK(f.wait(f.client.run(failing, {}, {}, 10s)).error().code == errc::internal);
    const script endless("while true do end");
    server.admin({"CONFIG", "SET", "busy-reply-threshold", "10"});
    CHECK(f.wait(f.client.run(endless, {}, {}, 100ms)).error().code == errc::deadline_exceeded);
    server.admin({"SCRIPT", "KILL"});
    REQUIRE(f.run_until_connected());
    CHECK(f.ask({"PING"})->text() == "PONG");
}

TEST_CASE("redis: a batch is answered in order, a transaction in it is one", "[integration]") {
    redis_fixture f(shared_redis());
    REQUIRE(f.run_until_connected());
    const auto key = from_nowhere(f, "bh:test:batch");
    const auto replies =
        f.wait(f.client.commands({{"SET", key, "1"}, {"LPUSH", key, "x"}, {"INCR", key}}, 10s));
    REQUIRE(replies.has_value());
    REQUIRE(replies->size() == 3);
    CHECK(replies->at(0).text() == "OK");
    REQUIRE(replies->at(1).error());
    CHECK(replies->at(1).error()->kind == redis_error_kind::wrongtype);
    CHECK(replies->at(2).integer() == 2);

    const auto done = f.wait(f.client.commands({{"MULTI"}, {"INCR", key}, {"GET", key}, {"EXEC"}}, 10s));
    REQUIRE(done.has_value());
    REQUIRE(done->size() == 4);
    REQUIRE(done->at(3).elements());
    CHECK(done->at(3).elements()->at(1).text() == "3");

    const auto aborted = f.wait(f.client.commands({{"MULTI"}, {"NO-SUCH-COMMAND"}, {"EXEC"}}, 10s));
    REQUIRE(aborted.has_value());
    REQUIRE(aborted->at(2).error());
    CHECK(aborted->at(2).error()->kind == redis_error_kind::execabort);
    CHECK(f.ask({"GET", key})->text() == "3");
}
