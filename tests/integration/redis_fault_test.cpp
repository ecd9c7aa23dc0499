// SPDX-License-Identifier: Apache-2.0
// What happens to the Redis client when its server is killed, hangs, loses its role, changes its mind about
// us, or is not one.
#include <signal.h>

#include <boost/asio/write.hpp>

#include <array>

#include "redis_fixture.hpp"
#include "redis_server.hpp"

using namespace bulkhead;
using namespace bulkhead::redis;
using namespace bulkhead::testing;

namespace {

using strings = std::vector<std::string>;

/// Sets and clears what SIGPIPE does; whoever is hit by one ends.
struct sigpipe_kills {
    sigpipe_kills() { signal(SIGPIPE, SIG_DFL); }
    ~sigpipe_kills() { signal(SIGPIPE, before); }
    using handler = void (*)(int);
    handler before = signal(SIGPIPE, SIG_DFL);
};

/// Listens on a free port of loopback and says `words` to whoever connects, whatever they say.
awaitable<> babble(tcp_acceptor& acceptor, std::string words, int& visitors) {
    while (true) {
        auto [failed, socket] = co_await acceptor.async_accept(use_tuple);
        if (failed) co_return;
        ++visitors;
        co_await net::async_write(socket, net::buffer(words), use_tuple);
        std::array<char, 1024> ignored;
        co_await socket.async_read_some(net::buffer(ignored), use_tuple);
    }
}

}  // namespace

TEST_CASE("redis: kill -9 fails what is under way, and the client comes back by itself", "[integration]") {
    redis_server server;
    redis_fixture f(server.endpoint());
    REQUIRE(f.run_until_connected());
    const auto waiting = f.begin({"BLPOP", "bh:test:never", "30"}, 30s);
    f.run_for(50ms);
    server.kill();
    REQUIRE(f.run_until([&] { return waiting->has_value(); }));
    CHECK((*waiting)->error().code == errc::unavailable);

    const auto start = steady_clock::now();
    CHECK(f.ask({"PING"}, 5s).error().code == errc::unavailable);
    CHECK(steady_clock::now() - start < 1s);

    server.start();
    REQUIRE(f.run_until_connected());
    CHECK(f.ask({"PING"})->text() == "PONG");
}

TEST_CASE("redis: a server that hangs costs one deadline, not more", "[integration]") {
    redis_server server;
    redis_fixture f(server.endpoint());
    REQUIRE(f.run_until_connected());
    server.freeze();
    const auto start = steady_clock::now();
    const auto late = f.ask({"PING"}, 200ms);
    const auto took = steady_clock::now() - start;
    const auto next = f.ask({"PING"}, 5s);
    const auto next_took = steady_clock::now() - start - took;
    server.thaw();
    CHECK(late.error().code == errc::deadline_exceeded);
    CHECK(took >= 200ms);
    CHECK(took < 2s);
    CHECK(next.error().code == errc::unavailable);
    CHECK(next_took < 2s);
    REQUIRE(f.run_until_connected());
    CHECK(f.ask({"PING"})->text() == "PONG");
}

TEST_CASE("redis: a server killed in the middle of a pipeline answers a prefix of it, in order",
          "[integration]") {
    const sigpipe_kills armed;
    redis_server server;
    redis_fixture f(server.endpoint());
    for (int round = 0; round < 5; ++round) {
        REQUIRE(f.run_until_connected());
        std::vector<redis_fixture::answer> slots;
        for (int i = 0; i < 2000; ++i)
            slots.push_back(f.begin({"ECHO", std::to_string(i) + std::string(1000, 'x')}));
        const auto enough = static_cast<std::size_t>(round) * 300;
        REQUIRE(f.run_until([&] { return slots[enough]->has_value(); }));
        server.kill();
        // Into a connection that is gone: an error of the socket, not a signal that ends the program.
        for (int i = 0; i < 100; ++i)
            slots.push_back(f.begin({"SET", "bh:test:x", std::string(10'000, 'x')}));
        std::size_t answered = 0;
        bool ended = false;
        for (const auto& slot : slots) {
            REQUIRE(f.run_until([&] { return slot->has_value(); }));
            const auto& outcome = **slot;
            if (outcome) {
                CHECK_FALSE(ended);
                CHECK(outcome->text() == std::to_string(answered++) + std::string(1000, 'x'));
            } else {
                ended = true;
                if (outcome.error().code != errc::unavailable) FAIL("another error");
            }
        }
        CHECK(answered > enough);
        CHECK(ended);
        server.start();
    }
}

TEST_CASE("redis: what a frozen server cannot take is bounded, and waits until the deadline",
          "[integration]") {
    redis_server server;
    redis_fixture f(server.endpoint(), {.max_unsent_bytes = 1u << 20});
    REQUIRE(f.run_until_connected());
    server.freeze();
    std::vector<redis_fixture::answer> slots;
    for (int i = 0; i < 400; ++i) {
        slots.push_back(f.begin({"SET", "bh:test:x", std::string(100'000, 'x')}, 1s));
        f.run_for(1ms);
    }
    int full = 0, late = 0;
    for (const auto& slot : slots) {
        REQUIRE(f.run_until([&] { return slot->has_value(); }));
        full += (*slot)->error().detail.starts_with("Too many");
        late += (*slot)->error().code == errc::deadline_exceeded;
    }
    server.thaw();
    CHECK(full > 0);
    CHECK(late >= 1);  // the others lost their connection by it
    REQUIRE(f.run_until_connected());
    CHECK(f.ask({"PING"})->text() == "PONG");
}

TEST_CASE("redis: a server that loads its data is waited for", "[integration]") {
    redis_server server;
    redis_fixture f(server.endpoint());
    REQUIRE(f.run_until_connected());
    REQUIRE(f.ask({"EVAL", "for i = 1, 3000 do redis.call('SET', 'bh:test:' .. i, i) end", "0"}).has_value());
    server.admin({"SAVE"});
    server.kill();
    server.start({"--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"});
    REQUIRE(f.run_until_changed("down: it refused us: LOADING"));
    CHECK(f.ask({"PING"}).error().code == errc::unavailable);
    REQUIRE(f.run_until_connected());
    CHECK(f.ask({"GET", "bh:test:3000"})->text() == "3000");
}

TEST_CASE("redis: a password that changed is noticed, and one that came back too", "[integration]") {
    redis_server server({"--user", "app", "on", ">first", "~*", "&*", "+@all"});
    auto endpoint = server.endpoint();
    endpoint.user = "app";
    endpoint.password = secret("first");
    redis_fixture f(std::move(endpoint));
    REQUIRE(f.run_until_connected());
    server.admin({"ACL", "SETUSER", "app", "resetpass", ">second"});
    CHECK(f.ask({"PING"}).has_value());  // Redis lets those stay who are in
    server.admin({"CLIENT", "KILL", "USER", "app"});
    REQUIRE(f.run_until_changed("down: it refused us: WRONGPASS"));
    CHECK(f.ask({"PING"}).error().code == errc::unavailable);
    server.admin({"ACL", "SETUSER", "app", ">first"});
    REQUIRE(f.run_until_connected());
}

TEST_CASE("redis: a server that has forgotten who we are is told again", "[integration]") {
    redis_server server({"--requirepass", "hush"});
    auto endpoint = server.endpoint();
    endpoint.password = secret("hush");
    redis_fixture f(std::move(endpoint));
    REQUIRE(f.run_until_connected());
    CHECK(f.ask({"RESET"})->text() == "RESET");
    CHECK(f.ask({"PING"}).error().code == errc::unavailable);
    REQUIRE(f.run_until([&] { return f.changes.size() == 3; }));
    CHECK(f.changes[1].starts_with("down: it does not serve us any more: NOAUTH"));
    CHECK(f.ask({"PING"})->text() == "PONG");
}

TEST_CASE("redis: a primary that became a replica is left, and found again", "[integration]") {
    redis_server server;
    redis_fixture f(server.endpoint());
    REQUIRE(f.run_until_connected());
    server.admin({"REPLICAOF", "127.0.0.1", "1"});
    CHECK(f.ask({"SET", "bh:test:x", "1"}).error().code == errc::unavailable);
    REQUIRE(f.run_until([&] { return f.changes.size() == 3; }));
    CHECK(f.changes[1].starts_with("down: it does not serve us any more: READONLY"));
    CHECK(f.ask({"GET", "bh:test:x"}).has_value());  // it still reads
    server.admin({"REPLICAOF", "NO", "ONE"});
    CHECK(f.ask({"SET", "bh:test:x", "1"}).has_value());

    server.admin({"CONFIG", "SET", "replica-serve-stale-data", "no"});
    server.admin({"REPLICAOF", "127.0.0.1", "1"});
    CHECK(f.ask({"GET", "bh:test:x"}).error().code == errc::unavailable);
    REQUIRE(f.run_until_changed("down: it refused us: MASTERDOWN"));
    server.admin({"REPLICAOF", "NO", "ONE"});
    REQUIRE(f.run_until_connected());
}

TEST_CASE("redis: refusals of a server that is in trouble have their kind", "[integration]") {
    using enum redis_error_kind;
    redis_server server;
    redis_fixture f(server.endpoint());
    REQUIRE(f.run_until_connected());
    server.admin({"CONFIG", "SET", "maxmemory", "1"});
    CHECK(f.refusal({"SET", "bh:test:x", "1"}) == oom);
    const auto transaction = f.wait(f.client.commands({{"MULTI"}, {"SET", "bh:test:x", "1"}, {"EXEC"}}, 10s));
    REQUIRE(transaction.has_value());
    REQUIRE(transaction->at(2).error());
    CHECK(transaction->at(2).error()->kind == execabort);
    server.admin({"CONFIG", "SET", "maxmemory", "0"});
    server.admin({"CONFIG", "SET", "min-replicas-to-write", "1"});
    CHECK(f.refusal({"SET", "bh:test:x", "1"}) == noreplicas);
    server.admin({"CONFIG", "SET", "min-replicas-to-write", "0"});
    CHECK(f.refusal({"EVALSHA", std::string(40, '0'), "0"}) == noscript);

    redis_fixture second(server.endpoint());
    REQUIRE(second.run_until_connected());
    server.admin({"CONFIG", "SET", "busy-reply-threshold", "10"});
    const auto endless = second.begin({"EVAL", "while true do end", "0"}, 30s);
    second.run_for(300ms);
    CHECK(f.refusal({"PING"}) == busy);
    CHECK(f.ask({"PING"}).error().code == errc::unavailable);
    server.admin({"SCRIPT", "KILL"});
    REQUIRE(second.run_until([&] { return endless->has_value(); }));
    CHECK(f.ask({"PING"}).has_value());

    redis_server node({"--cluster-enabled", "yes"});
    redis_fixture cluster(node.endpoint());
    REQUIRE(cluster.run_until_connected());
    CHECK(cluster.refusal({"GET", "bh:test:x"}) == clusterdown);
}

TEST_CASE("redis: a reply over the limit ends the connection, not the program", "[integration]") {
    redis_server server;
    redis_fixture f(server.endpoint(), {.reply = {.bytes = 1u << 20, .elements = 1000}});
    REQUIRE(f.run_until_connected());
    server.admin({"EVAL",
                  "redis.call('SET', 'bh:test:large', string.rep('x', 4000000)) "
                  "for i = 1, 2000 do redis.call('RPUSH', 'bh:test:long', i) end",
                  "0"});
    for (const auto& command :
         {strings{"GET", "bh:test:large"}, strings{"LRANGE", "bh:test:long", "0", "-1"}}) {
        CHECK(f.ask(command).error().code == errc::unavailable);
        REQUIRE(f.run_until_connected());
        CHECK(f.ask({"PING"})->text() == "PONG");
    }
}

TEST_CASE("redis: what is no Redis is refused, however it talks", "[integration]") {
    for (const auto& words :
         {std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string("HTTP/1.1 400 Bad Request\r\n\r\n"),
          std::string("$-7\r\n"), std::string("*3\r\n"), std::string(50'000, '\0'),
          std::string("$2147483647\r\n") + std::string(100'000, 'x'), std::string("+"),
          std::string("-ERR max number of clients reached\r\n")}) {
        INFO(words.substr(0, 40));
        net::io_context context{1};
        tcp_acceptor acceptor(context.get_executor(), tcp::endpoint(net::ip::address_v4::loopback(), 0));
        int visitors = 0;
        net::co_spawn(context.get_executor(), babble(acceptor, words, visitors), net::detached);
        redis_client client(context.get_executor(), {.port = acceptor.local_endpoint().port()},
                            {.connect_timeout = 100ms, .reply = {.bytes = 1u << 16, .elements = 100}});
        client.start();
        CHECK(testing::run_until(context, [&] { return visitors >= 2; }));
        CHECK_FALSE(client.connected());
        client.stop();
        acceptor.close();
        testing::run_until(
            context, [] { return false; }, 20ms);
    }
}
