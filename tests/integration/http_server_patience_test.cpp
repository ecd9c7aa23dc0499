// SPDX-License-Identifier: Apache-2.0
// The HTTP server over real sockets: how long it waits for a client that sends or reads slowly, or has gone,
// and how long it keeps a connection.
#include <string>
#include <thread>

#include "base/testing/catch.hpp"
#include "http_server_fixture.hpp"

using namespace bulkhead;
using namespace bulkhead::http;
using namespace bulkhead::testing;
using namespace std::chrono_literals;

TEST_CASE("http server: slow clients are told and dropped", "[http]") {
    sample_server server;
    const auto began = steady_clock::now();
    auto idle = server.connect(), fresh = server.connect(), head = server.connect(), body = server.connect();
    idle.send(get("/hello"));
    REQUIRE(idle.read_answer().code == 200);
    head.send("GET /hello HTTP/1.1\r\nHost: ");
    body.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
    require_last(head, 408);
    require_last(body, 408);
    REQUIRE(since(began) >= 300ms);
    // Nothing was asked, so nothing is said.
    REQUIRE(idle.read_to_end().empty());
    REQUIRE(fresh.read_to_end().empty());
    REQUIRE(server.answered(4) == 2);
    REQUIRE(since(began) < 2s);

    // A byte now and then buys no more time than the rate allows.
    const auto again = steady_clock::now();
    auto trickle = server.connect();
    trickle.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
    trickle.send_while_open("x", 100, 20ms);
    require_last(trickle, 408);
    REQUIRE(since(again) < 1500ms);
}

TEST_CASE("http server: a client that does not read its answer is cut", "[http]") {
    sample_server server;
    auto client = server.connect();
    client.send(get("/hello"));
    REQUIRE(client.read_answer().code == 200);
    const auto began = steady_clock::now();
    client.send(get("/flood") + get("/hello"));
    REQUIRE(server.reaches(0));
    REQUIRE(since(began) >= 300ms);
    // What did arrive is the beginning of one answer, and nothing of it was sent twice.
    const auto received = client.read_to_end();
    REQUIRE(received.size() < large);
    REQUIRE(received.starts_with("HTTP/1.1 200 OK\r\n"));
    REQUIRE(received.find("HTTP/1.1", 1) == std::string::npos);
}

TEST_CASE("http server: a client that wakes up too late does not get its answer twice", "[http]") {
    sample_server server;
    auto client = server.connect();
    client.send(get("/flood") + get("/hello"));
    std::this_thread::sleep_for(900ms);
    const auto received = client.read_to_end();
    const auto content = received.find("\r\n\r\n") + 4;
    REQUIRE(received.substr(0, content + large).find_first_not_of('x', content) >= content + large);
}

TEST_CASE("http server: a client that closed its half gets its answer", "[http]") {
    sample_server server;
    auto client = server.connect();
    client.send(get("/slow") + get("/hello"));
    client.close_sending();
    REQUIRE(client.read_answer().body == "\"slow\"");
    REQUIRE(client.read_answer().body == "{}");
    REQUIRE(client.read_to_end().empty());

    auto torso = server.connect();
    torso.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
    torso.close_sending();
    require_last(torso, 400);
    REQUIRE(server.reaches(0));
}

TEST_CASE("http server: a connection serves so many requests and grows so old", "[http]") {
    auto options = quick();
    SECTION("requests") {
        options.bounds.requests_per_connection = 3;
        sample_server server(options);
        auto client = server.connect();
        client.send(get("/hello") + get("/hello") + get("/hello") + get("/hello"));
        REQUIRE_FALSE(client.read_answer().has("Connection"));
        REQUIRE_FALSE(client.read_answer().has("Connection"));
        require_last(client, 200);
    }
    SECTION("age") {
        options.bounds.connection_age = 100ms;
        sample_server server(options);
        auto client = server.connect();
        client.send(get("/hello"));
        REQUIRE_FALSE(client.read_answer().has("Connection"));
        std::this_thread::sleep_for(120ms);
        client.send(get("/hello"));
        require_last(client, 200);
    }
}
