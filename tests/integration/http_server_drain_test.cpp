// SPDX-License-Identifier: Apache-2.0
// The HTTP server over real sockets: it ends without a request lost that it could have answered.
#include <atomic>
#include <thread>
#include <vector>

#include "base/testing/catch.hpp"
#include "http_server_fixture.hpp"

using namespace bulkhead;
using namespace bulkhead::http;
using namespace bulkhead::testing;
using namespace std::chrono_literals;

TEST_CASE("http server: draining ends the idle at once and lets others finish", "[http]") {
    auto options = quick();
    options.bounds.keep_alive_idle = 10s;
    options.bounds.quiet_before_close = 100ms;
    sample_server server(options);
    auto idle = server.connect(), busy = server.connect();
    idle.send(get("/hello"));
    REQUIRE(idle.read_answer().code == 200);
    std::this_thread::sleep_for(150ms);
    busy.send(get("/slow"));
    REQUIRE(server.reaches(2));
    std::this_thread::sleep_for(50ms);
    server.drain();
    REQUIRE(idle.read_to_end().empty());
    REQUIRE(server.open() >= 1);  // the busy one was not waited for
    require_last(busy, 200);
    REQUIRE(server.reaches(0, 1s));
    REQUIRE_FALSE(raw_client::connects(server.port()));
}

TEST_CASE("http server: a pipeline that is here when draining begins is answered to its end", "[http]") {
    sample_server server;
    auto client = server.connect();
    client.send(get("/slow") + get("/hello") + post("body") + get("/hello"));
    REQUIRE(server.reaches(1));
    std::this_thread::sleep_for(50ms);
    server.drain();
    client.send(get("/text/late"));  // too late to be promised anything
    for (int i = 0; i < 3; ++i) {
        const auto a = client.read_answer();
        REQUIRE(a.code == 200);
        REQUIRE_FALSE(a.has("Connection"));
    }
    require_last(client, 200);
    REQUIRE(server.reaches(0));
}

TEST_CASE("http server: a request that comes just after draining began is answered", "[http]") {
    auto options = quick();
    options.bounds.quiet_before_close = 2s;
    sample_server server(options);
    auto kept = server.connect(), fresh = server.connect();
    kept.send(get("/hello"));
    REQUIRE(kept.read_answer().code == 200);
    REQUIRE(server.reaches(2));
    server.drain();
    for (auto* const client : {&kept, &fresh}) {
        client->send(get("/hello"));
        require_last(*client, 200);
    }
    REQUIRE(server.reaches(0));
}

TEST_CASE("http server: what comes too late is not answered with a reset", "[http]") {
    auto options = quick();
    options.bounds.keep_alive_idle = 100ms;
    options.bounds.quiet_before_close = 1s;
    sample_server server(options);
    auto client = server.connect();
    client.send(get("/hello"));
    REQUIRE(client.read_answer().code == 200);
    REQUIRE(client.read_to_end().empty());  // we have closed our half
    client.send(get("/hello"));
    std::this_thread::sleep_for(50ms);
    REQUIRE_FALSE(client.was_reset());
    REQUIRE(server.open() == 1);
    client.close();
    REQUIRE(server.reaches(0));
}

TEST_CASE("http server: nobody who could connect is left without an answer", "[http]") {
    sample_server server;
    std::atomic<bool> stop = false;
    std::atomic<int> asked = 0, answered = 0;
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i)
        clients.emplace_back([&] {
            while (!stop) {
                auto client = raw_client::unconnected();
                if (!client.try_connect(server.port())) break;
                ++asked;
                client.send(get("/hello"));
                if (client.read_answer().code == 200) ++answered;
            }
        });
    while (asked < 200) std::this_thread::yield();
    server.drain();
    REQUIRE(server.reaches(0, 5s));
    stop = true;
    for (auto& each : clients) each.join();
    REQUIRE(asked == answered);
}

TEST_CASE("http server: draining answers what has arrived before", "[http]") {
    sample_server server;
    auto idle = server.connect();
    idle.send(get("/hello"));
    REQUIRE(idle.read_answer().code == 200);
    std::vector<raw_client> queued;
    server.on_reactor([&] {  // while the reactor is in here it neither accepts nor reads
        for (int i = 0; i < 20; ++i) {
            queued.push_back(server.connect());
            queued.back().send(get("/hello"));
        }
        idle.send(get("/hello"));
        server.get().drain();
    });
    require_last(idle, 200);
    for (auto& client : queued) require_last(client, 200);
    REQUIRE(server.reaches(0));
}

TEST_CASE("http server: close_all cuts what drain waits for", "[http]") {
    sample_server server;
    auto client = server.connect(), reader = server.connect();
    client.send(get("/slow"));
    reader.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
    REQUIRE(server.reaches(2));
    std::this_thread::sleep_for(50ms);
    server.drain();
    REQUIRE(server.open() == 2);
    server.close_all();
    REQUIRE(client.read_to_end().empty());
    REQUIRE(reader.read_to_end().empty());
    REQUIRE(server.reaches(0, 1s));
}
