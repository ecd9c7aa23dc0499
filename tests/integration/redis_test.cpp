// SPDX-License-Identifier: Apache-2.0
// The Redis client against a real server: order under load, loss and return of the server, refused
// credentials, a server that hangs. The faults that a real server does not show are in
// libs/persistence/redis/client_test.cpp.
#include <signal.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <charconv>
#include <functional>

#include "base/testing/catch.hpp"
#include "persistence/redis/client.hpp"
#include "support/servers.hpp"

using namespace bulkhead;
using namespace bulkhead::redis;
using namespace std::chrono_literals;

namespace {

/// redis://:<password>@<host>:<port>/<database>
redis_endpoint endpoint_of(std::string_view url) {
    redis_endpoint out;
    const auto password = url.find("://:") + 4;
    const auto host = url.find('@') + 1;
    const auto port = url.find(':', host) + 1;
    out.password = secret(std::string(url.substr(password, host - 1 - password)));
    out.host = url.substr(host, port - 1 - host);
    std::from_chars(url.data() + port, url.data() + url.size(), out.port);
    return out;
}

struct fixture {
    testing::servers& servers = testing::shared_servers();
    net::io_context context{1};
    std::vector<std::string> changes;
    redis_client client;

    explicit fixture(const std::function<void(redis_endpoint&)>& change = [](redis_endpoint&) {})
        : client(context.get_executor(), changed(change),
                 {.on_change = [this](bool up, std::string_view why) {
                     changes.push_back((up ? "up: " : "down: ") + std::string(why));
                 }}) {
        client.start();
    }

    ~fixture() {
        client.stop();
        context.restart();
        context.run_for(100ms);
    }

    redis_endpoint changed(const std::function<void(redis_endpoint&)>& change) const {
        auto endpoint = endpoint_of(servers.redis_url());
        change(endpoint);
        return endpoint;
    }

    bool run_until(const std::function<bool()>& done, std::chrono::milliseconds most = 10s) {
        const auto end = steady_clock::now() + most;
        while (!done() && steady_clock::now() < end) {
            context.restart();
            context.run_one_for(10ms);
        }
        return done();
    }

    bool run_until_connected() {
        return run_until([this] { return client.connected(); });
    }

    using answer_slot = std::optional<result<redis_reply>>;

    awaitable<> ask_into(std::shared_ptr<answer_slot> slot, std::vector<std::string> argv,
                         std::chrono::milliseconds limit) {
        auto answer = co_await client.command(std::move(argv), limit);
        slot->emplace(std::move(answer));
    }

    std::shared_ptr<answer_slot> begin(std::vector<std::string> argv, std::chrono::milliseconds limit = 5s) {
        auto slot = std::make_shared<answer_slot>();
        net::co_spawn(context.get_executor(), ask_into(slot, std::move(argv), limit), net::detached);
        return slot;
    }

    result<redis_reply> ask(std::vector<std::string> argv, std::chrono::milliseconds limit = 5s) {
        const auto slot = begin(std::move(argv), limit);
        REQUIRE(run_until([&] { return slot->has_value(); }));
        return std::move(**slot);
    }

    pid_t server_pid() {
        const auto info = ask({"INFO", "server"});
        REQUIRE(info.has_value());
        const auto text = *info->text();
        const auto at = text.find("process_id:") + 11;
        pid_t pid = 0;
        std::from_chars(text.data() + at, text.data() + text.size(), pid);
        REQUIRE(pid > 1);
        return pid;
    }
};

}  // namespace

TEST_CASE("redis: a thousand commands at once are answered in order", "[integration]") {
    fixture f;
    REQUIRE(f.run_until_connected());
    REQUIRE(f.ask({"DEL", "bh:test:counter"}).has_value());
    std::vector<std::shared_ptr<fixture::answer_slot>> slots;
    for (int i = 0; i < 1000; ++i) slots.push_back(f.begin({"INCR", "bh:test:counter"}));
    for (std::size_t i = 0; i < slots.size(); ++i) {
        REQUIRE(f.run_until([&] { return slots[i]->has_value(); }));
        REQUIRE((*slots[i])->has_value());
        CHECK((**slots[i])->integer() == static_cast<std::int64_t>(i) + 1);
    }
    CHECK(f.changes == std::vector<std::string>{"up: connected"});
}

TEST_CASE("redis: values of any bytes and any size come back", "[integration]") {
    fixture f;
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
    fixture zero;
    fixture three([](redis_endpoint& e) { e.database = 3; });
    REQUIRE(zero.run_until_connected());
    REQUIRE(three.run_until_connected());
    REQUIRE(three.ask({"SET", "bh:test:where", "three"}).has_value());
    CHECK(zero.ask({"GET", "bh:test:where"})->is_nil());
}

TEST_CASE("redis: a name is resolved", "[integration]") {
    fixture f([](redis_endpoint& e) { e.host = "localhost"; });
    CHECK(f.run_until_connected());
}

TEST_CASE("redis: wrong credentials are refused for good", "[integration]") {
    for (const auto* password : {"", "wrong"}) {
        fixture f([&](redis_endpoint& e) { e.password = secret(password); });
        REQUIRE(f.run_until([&] { return f.changes.size() >= 2; }));
        CHECK_FALSE(f.client.connected());
        CHECK(f.changes[0].starts_with("down: it refused us: "));
        CHECK(f.changes[0].find("wrong:") == std::string::npos);
        CHECK(f.ask({"PING"}).error().code == errc::unavailable);
    }
}

TEST_CASE("redis: kill -9 fails what is under way, and the client comes back by itself", "[integration]") {
    fixture f;
    REQUIRE(f.run_until_connected());
    REQUIRE(f.ask({"PING"}).has_value());
    const auto waiting = f.begin({"BLPOP", "bh:test:never", "30"}, 30s);
    f.run_until([] { return false; }, 50ms);
    f.servers.kill_redis();
    REQUIRE(f.run_until([&] { return waiting->has_value(); }, 2s));
    CHECK((*waiting)->error().code == errc::unavailable);

    const auto start = steady_clock::now();
    CHECK(f.ask({"PING"}, 5s).error().code == errc::unavailable);
    CHECK(steady_clock::now() - start < 1s);

    f.servers.start_redis();
    REQUIRE(f.run_until([&] { return f.client.connected(); }, 5s));
    CHECK(f.ask({"PING"})->text() == "PONG");
}

TEST_CASE("redis: a server that hangs costs one deadline, not more", "[integration]") {
    fixture f;
    REQUIRE(f.run_until_connected());
    const auto pid = f.server_pid();
    REQUIRE(kill(pid, SIGSTOP) == 0);
    const auto start = steady_clock::now();
    const auto late = f.ask({"PING"}, 200ms);
    const auto took = steady_clock::now() - start;
    const auto next = f.ask({"PING"}, 5s);
    const auto next_took = steady_clock::now() - start - took;
    REQUIRE(kill(pid, SIGCONT) == 0);
    CHECK(late.error().code == errc::deadline_exceeded);
    CHECK(took >= 200ms);
    CHECK(took < 1s);
    CHECK(next.error().code == errc::unavailable);
    CHECK(next_took < 1s);
    REQUIRE(f.run_until_connected());
    CHECK(f.ask({"PING"})->text() == "PONG");
}
