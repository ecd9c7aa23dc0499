// SPDX-License-Identifier: Apache-2.0
// The client against a scripted server: the faults that a real Redis will not show on demand. What a real one
// does is in tests/integration/redis_test.cpp.
#include "persistence/redis/client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <functional>

#include "base/testing/catch.hpp"
#include "persistence/redis/testing/client_run.hpp"
#include "persistence/redis/testing/scripted_server.hpp"

using namespace bulkhead;
using namespace bulkhead::redis;
using bulkhead::redis::testing::lines;
using bulkhead::redis::testing::scripted_server;
using namespace std::chrono_literals;

namespace {

/// A client and the context it runs on.
struct fixture : redis::testing::client_run {
    std::vector<result<redis_reply>> answers;
    std::unique_ptr<scripted_server> server;

    explicit fixture(std::vector<lines> scripts, redis_client_options options = {}) {
        server = std::make_unique<scripted_server>(context, std::move(scripts));
        begin(server->endpoint(), std::move(options));
    }

    explicit fixture(const redis_endpoint& endpoint) { begin(endpoint, {}); }

    ~fixture() {
        client->stop();
        if (server) server->acceptor.close();
        run_until([] { return false; }, 20ms);
    }

    awaitable<> ask_and_keep(std::vector<std::string> argv, std::chrono::milliseconds limit) {
        auto answer = co_await client->command(std::move(argv), limit);
        answers.push_back(std::move(answer));
    }

    void ask(std::vector<std::string> argv, std::chrono::milliseconds limit = 200ms) {
        net::co_spawn(context.get_executor(), ask_and_keep(std::move(argv), limit), net::detached);
    }

    bool run_until_answered(std::size_t count) {
        return run_until([this, count] { return answers.size() >= count; });
    }
};

}  // namespace

TEST_CASE("redis client: commands of one turn share one write, replies keep their order", "[persistence]") {
    fixture f(std::vector{lines{"+PONG\r\n", "$1\r\na\r\n$1\r\nb\r\n:3\r\n"}});
    REQUIRE(f.run_until_connected());
    for (const auto* key : {"a", "b", "c"}) f.ask({"GET", key});
    REQUIRE(f.run_until_answered(3));
    CHECK(f.answers[0]->text() == "a");
    CHECK(f.answers[1]->text() == "b");
    CHECK(f.answers[2]->integer() == 3);
    REQUIRE(f.server->reads.size() == 2);
    CHECK(f.server->reads[1] ==
          "*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\nb\r\n*2\r\n$3\r\nGET\r\n$1\r\nc\r\n");
}

TEST_CASE("redis client: without a server every command fails at once", "[persistence]") {
    redis_endpoint nowhere;
    {
        net::io_context context{1};
        nowhere = scripted_server(context, {lines{}}).endpoint();
    }
    fixture f(nowhere);
    REQUIRE(f.run_until([&] { return f.changes.size() >= 3; }));
    const auto start = steady_clock::now();
    f.ask({"PING"}, 5s);
    REQUIRE(f.run_until_answered(1));
    CHECK(steady_clock::now() - start < 1s);
    CHECK(f.answers[0].error().code == errc::unavailable);
    CHECK_FALSE(f.client->connected());
    CHECK(f.changes[0].starts_with("down: it cannot be connected to: "));
}

TEST_CASE("redis client: a late reply meets nobody", "[persistence]") {
    fixture f(std::vector{lines{"+PONG\r\n"}, lines{"+PONG\r\n", "$3\r\nnew\r\n"}});
    REQUIRE(f.run_until_connected());
    f.ask({"GET", "slow"}, 30ms);
    f.ask({"GET", "bystander"}, 5s);
    REQUIRE(f.run_until_answered(2));
    CHECK(f.answers[0].error().code != f.answers[1].error().code);
    for (const auto& answer : f.answers)
        CHECK((answer.error().code == errc::deadline_exceeded || answer.error().code == errc::unavailable));
    REQUIRE(f.run_until_connected());
    CHECK(f.server->accepted == 2);
    f.ask({"GET", "again"});
    REQUIRE(f.run_until_answered(3));
    REQUIRE(f.answers[2].has_value());
    CHECK(f.answers[2]->text() == "new");
}

TEST_CASE("redis client: a reply too many, or one that is none, ends the connection", "[persistence]") {
    for (const std::string answer :
         {"+OK\r\n+OK\r\n", "HTTP/1.1 400 Bad Request\r\n", "*999999999\r\n", ""}) {
        INFO(answer);
        fixture f(std::vector{lines{"+PONG\r\n", answer}, lines{"+PONG\r\n", "+fine\r\n"}});
        REQUIRE(f.run_until_connected());
        f.ask({"GET", "x"});
        REQUIRE(f.run_until_answered(1));
        REQUIRE(f.run_until([&] { return f.server->accepted == 2 && f.client->connected(); }));
        f.ask({"GET", "y"});
        REQUIRE(f.run_until_answered(2));
        REQUIRE(f.answers[1].has_value());
        CHECK(f.answers[1]->text() == "fine");
    }
}

TEST_CASE("redis client: it is not connected until the server can work", "[persistence]") {
    fixture f(std::vector{lines{"-LOADING Redis is loading the dataset in memory\r\n"},
                          lines{"-NOAUTH Authentication required.\r\n"}, lines{"+PONG\r\n"}});
    REQUIRE(f.run_until([&] { return f.changes.size() >= 3; }));
    CHECK(f.changes[0] == "down: it refused us: LOADING Redis is loading the dataset in memory");
    CHECK(f.changes[1] == "down: it refused us: NOAUTH Authentication required.");
    CHECK(f.changes[2] == "up: connected");
}

TEST_CASE("redis client: a server that accepts and says nothing is given up", "[persistence]") {
    fixture f(std::vector{lines{}, lines{"+PONG\r\n"}}, {.connect_timeout = 50ms});
    REQUIRE(f.run_until_connected());
    CHECK(f.changes.at(0) == "down: the server did not let us in in time: no answer");
}

TEST_CASE("redis client: credentials and database go first", "[persistence]") {
    fixture f(std::vector{lines{"+OK\r\n+OK\r\n+PONG\r\n"}});
    auto endpoint = f.server->endpoint();
    endpoint.user = "app";
    endpoint.password = secret("hush");
    endpoint.database = 3;
    f.client->stop();
    f.server->reads.clear();
    f.begin(endpoint, {});
    REQUIRE(f.run_until_connected());
    CHECK(f.server->reads.back() ==
          "*3\r\n$4\r\nAUTH\r\n$3\r\napp\r\n$4\r\nhush\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*1\r\n$"
          "4\r\nPING\r\n");
}

TEST_CASE("redis client: an error reply is an error, and raw_command shows which", "[persistence]") {
    fixture f(
        std::vector{lines{"+PONG\r\n", "-OOM command not allowed\r\n", "-NOSCRIPT No matching script\r\n"}});
    REQUIRE(f.run_until_connected());
    f.ask({"SET", "k", "v"});
    REQUIRE(f.run_until_answered(1));
    CHECK(f.answers[0].error().code == errc::unavailable);

    const auto ask_raw = [](fixture& t) -> awaitable<> {
        std::vector<std::string> argv{"EVALSHA", "x", "0"};
        auto answer = co_await t.client->raw_command(std::move(argv));
        t.answers.push_back(std::move(answer));
    };
    net::co_spawn(f.context.get_executor(), ask_raw(f), net::detached);
    REQUIRE(f.run_until_answered(2));
    REQUIRE(f.answers[1].has_value());
    CHECK(f.answers[1]->error()->kind == redis_error_kind::noscript);
    CHECK(f.client->connected());
}

TEST_CASE("redis client: what waits is bounded", "[persistence]") {
    fixture f(std::vector{lines{"+PONG\r\n"}}, {.max_waiting = 2, .max_unsent_bytes = 1000});
    REQUIRE(f.run_until_connected());
    for (int i = 0; i < 3; ++i) f.ask({"GET", "x"}, 5s);
    REQUIRE(f.run_until_answered(1));
    CHECK(f.answers[0].error().code == errc::unavailable);
    CHECK(f.client->connected());
    f.ask({"GET", "x"}, 0ms);
    REQUIRE(f.run_until_answered(2));
    CHECK(f.answers[1].error().code == errc::deadline_exceeded);
    CHECK(f.client->connected());
}

TEST_CASE("redis client: stopping answers everybody and leaves nothing to run", "[persistence]") {
    fixture f(std::vector{lines{"+PONG\r\n"}});
    REQUIRE(f.run_until_connected());
    f.ask({"GET", "x"}, 30s);
    f.run_until([] { return false; }, 20ms);
    f.client->stop();
    f.client->stop();
    f.server->acceptor.close();
    f.context.restart();
    f.context.run_for(2s);
    CHECK(f.context.stopped());
    REQUIRE(f.answers.size() == 1);
    CHECK(f.answers[0].error().code == errc::unavailable);
}

TEST_CASE("redis client: a socket file that cannot exist is reported", "[persistence]") {
    fixture f(redis_endpoint{.unix_path = "/" + std::string(200, 'x')});
    REQUIRE(f.run_until([&] { return !f.changes.empty(); }));
    CHECK(f.changes[0] == "down: the path of its socket is too long");
}

TEST_CASE("redis client: a script the server has forgotten is sent once, within the time for both",
          "[persistence]") {
    const auto ask = [](fixture& t, const script& what, std::chrono::milliseconds limit) -> awaitable<> {
        std::vector<std::string> keys{"k"};
        std::vector<std::string> arguments{"x", "y"};
        auto answer = co_await t.client->run(what, std::move(keys), std::move(arguments), limit);
        t.answers.push_back(std::move(answer));
    };
    const script one("return 1");
    fixture f(std::vector{lines{"+PONG\r\n", "-NOSCRIPT No matching script.\r\n", ":1\r\n",
                                "-NOSCRIPT No matching script.\r\n", "-NOSCRIPT No matching script.\r\n",
                                "-NOSCRIPT No matching script.\r\n"}});
    REQUIRE(f.run_until_connected());
    net::co_spawn(f.context.get_executor(), ask(f, one, 5s), net::detached);
    REQUIRE(f.run_until_answered(1));
    CHECK(f.answers[0]->integer() == 1);
    CHECK(f.server->reads.at(1) ==
          "*6\r\n$7\r\nEVALSHA\r\n$40\r\ne0e1f9fabfc9d4800c877a703b823ac0578ff8db\r\n"
          "$1\r\n1\r\n$1\r\nk\r\n$1\r\nx\r\n$1\r\ny\r\n");
    CHECK(f.server->reads.at(2) ==
          "*6\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n$1\r\n1\r\n$1\r\nk\r\n$1\r\nx\r\n$1\r\ny\r\n");

    net::co_spawn(f.context.get_executor(), ask(f, one, 5s), net::detached);
    REQUIRE(f.run_until_answered(2));
    CHECK(f.answers[1].error().code == errc::internal);
    CHECK(f.server->reads.size() == 5);

    net::co_spawn(f.context.get_executor(), ask(f, one, 100ms), net::detached);
    REQUIRE(f.run_until_answered(3));
    CHECK(f.answers[2].error().code == errc::deadline_exceeded);
}

TEST_CASE("redis client: a batch is one piece and has a reply for each of its commands", "[persistence]") {
    const auto ask = [](fixture& t, std::vector<std::size_t>& sizes) -> awaitable<> {
        std::vector<std::vector<std::string>> none;
        const auto nothing = co_await t.client->commands(std::move(none));
        sizes.push_back(nothing->size());
        std::vector<std::vector<std::string>> batch{{"INCR", "a"}, {"GET", "b"}, {"PING"}};
        auto replies = co_await t.client->commands(std::move(batch), 1s);
        if (!replies) co_return;
        sizes.push_back(replies->size());
        for (auto& reply : *replies) t.answers.emplace_back(std::move(reply));
    };
    fixture f(std::vector{lines{"+PONG\r\n", ":7\r\n-WRONGTYPE no\r\n+PONG\r\n$1\r\nz\r\n"}});
    REQUIRE(f.run_until_connected());
    std::vector<std::size_t> sizes;
    net::co_spawn(f.context.get_executor(), ask(f, sizes), net::detached);
    f.ask({"GET", "z"}, 1s);
    REQUIRE(f.run_until_answered(4));
    CHECK(sizes == std::vector<std::size_t>{0, 3});
    CHECK(f.server->reads.size() == 2);
    int found = 0;
    for (const auto& answer : f.answers) {
        found += answer->integer() == 7;
        found += answer->error() && answer->error()->kind == redis_error_kind::wrongtype;
        found += answer->text() == "PONG" || answer->text() == "z";
    }
    CHECK(found == 4);
}

TEST_CASE("redis client: a server that lost its role is left, after all of its answers", "[persistence]") {
    for (const std::string refusal : {"READONLY You can't write", "MASTERDOWN Link with MASTER is down",
                                      "NOAUTH Authentication required.", "UNBLOCKED force unblock"}) {
        INFO(refusal);
        fixture f(std::vector{lines{"+PONG\r\n", "-" + refusal + "\r\n$4\r\nread\r\n"},
                              lines{"+PONG\r\n", "+OK\r\n"}});
        REQUIRE(f.run_until_connected());
        f.ask({"SET", "k", "v"});
        f.ask({"GET", "k"});
        REQUIRE(f.run_until_answered(2));
        CHECK(f.answers[0].error().code == errc::unavailable);
        REQUIRE(f.answers[1].has_value());
        CHECK(f.answers[1]->text() == "read");
        REQUIRE(f.run_until([&] { return f.server->accepted == 2 && f.client->connected(); }));
        CHECK(f.changes.at(1) == "down: it does not serve us any more: " + refusal);
        f.ask({"SET", "k", "v"});
        REQUIRE(f.run_until_answered(3));
        CHECK(f.answers[2]->text() == "OK");
    }
}

TEST_CASE("redis client: a command over the bound is refused, however idle the connection is",
          "[persistence]") {
    fixture f(std::vector{lines{"+PONG\r\n", "+OK\r\n"}}, {.max_unsent_bytes = 1000});
    REQUIRE(f.run_until_connected());
    f.ask({"SET", "k", std::string(1000, 'x')});
    REQUIRE(f.run_until_answered(1));
    CHECK(f.answers[0].error().code == errc::unavailable);
    f.ask({"SET", "k", "v"});
    REQUIRE(f.run_until_answered(2));
    CHECK(f.answers[1]->text() == "OK");
}
