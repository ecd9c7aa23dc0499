// SPDX-License-Identifier: Apache-2.0
// The HTTP server over real sockets: where requests end, in a pipeline, in pieces and at the limits of size.
#include <set>
#include <string>
#include <thread>

#include "base/testing/catch.hpp"
#include "http_server_fixture.hpp"

using namespace bulkhead;
using namespace bulkhead::http;
using namespace bulkhead::testing;
using namespace std::chrono_literals;

TEST_CASE("http server: a connection is kept and ids are echoed or replaced", "[http]") {
    sample_server server;
    auto client = server.connect();
    std::set<std::string> ids;
    for (auto sent : {"abc-1", "not a good id", "abc-2"}) {
        client.send(get("/hello", "X-Request-ID: " + std::string(sent) + "\r\n"));
        const auto a = client.read_answer();
        REQUIRE(a.code == 200);
        REQUIRE(a.body == "{}");
        REQUIRE_FALSE(a.has("Connection"));
        require_standing(a);
        ids.insert(a.header("X-Request-ID"));
    }
    REQUIRE(ids.size() == 3);
    REQUIRE(ids.contains("abc-1"));
    REQUIRE(ids.contains("abc-2"));
    REQUIRE_FALSE(ids.contains("not a good id"));
    REQUIRE(server.answered(2) == 3);
}

TEST_CASE("http server: a pipeline is answered in order and in few writes", "[http]") {
    sample_server server;
    auto client = server.connect();
    std::string all;
    for (int i = 0; i < 50; ++i) all += get("/text/" + std::to_string(i));
    client.send(all);
    for (int i = 0; i < 50; ++i) REQUIRE(client.read_answer().body == std::to_string(i));
    REQUIRE(client.reads() <= 4);  // a segment holds about 64 KiB on loopback
}

TEST_CASE("http server: bodies in a pipeline end where they end", "[http]") {
    sample_server server;
    auto client = server.connect();
    const std::string big(100'000, 'b');
    client.send(post("one") + chunked_head + "3\r\ntwo\r\n4;x=y\r\nmore\r\n0\r\nTrailer: t\r\n\r\n" +
                get("/hello") + post(big) + post("") + get("/text/last"));
    for (const auto& expected : {std::string("one"), std::string("twomore"), std::string("{}"), big,
                                 std::string(), std::string("last")})
        REQUIRE(client.read_answer().body == expected);
    client.send(get("/hello"));
    REQUIRE(client.read_answer().code == 200);
}

TEST_CASE("http server: a long head before a body, and both byte by byte", "[http]") {
    sample_server server;
    auto client = server.connect();
    // The buffer grows while the head is read and again for the body: the head's views must follow.
    const auto id = std::string(128, 'i');
    const auto head = "POST /echo HTTP/1.1\r\nHost: x\r\nX-Pad: " + std::string(14'000, 'p') +
                      "\r\nX-Request-ID: " + id + "\r\nContent-Length: 20000\r\n\r\n";
    const std::string body(20'000, 'q');
    for (int round = 0; round < 2; ++round) {
        client.send(head);
        std::this_thread::sleep_for(20ms);
        client.send(body);
        const auto a = client.read_answer();
        REQUIRE(a.body == body);
        REQUIRE(a.header("X-Request-ID") == id);
    }
    for (const auto& whole : {post("drip"), chunked_head + "2\r\ndr\r\n2\r\nip\r\n0\r\n\r\n"}) {
        for (char c : whole) client.send({&c, 1});
        REQUIRE(client.read_answer().body == "drip");
    }
}

TEST_CASE("http server: the longest head that is allowed passes, one byte more does not", "[http]") {
    sample_server server;
    const limits bounds;
    const auto head = [&](std::size_t line, std::size_t section) {
        const std::string start = "GET /text/", version = " HTTP/1.1", host = "Host: x\r\n",
                          field = "X-Pad: ";
        auto out = "\r\n\r\n" + start + std::string(line - start.size() - version.size(), 'a') + version +
                   "\r\n" + host;
        for (auto left = section - host.size() - 2; left > 0;) {
            const auto size = left > 4000 + 20 ? 4000 : left;
            out += field + std::string(size - field.size() - 2, 'p') + "\r\n";
            left -= size;
        }
        return out + "\r\n";
    };
    auto client = server.connect();
    client.send(head(bounds.request_line, bounds.header_section));
    REQUIRE(client.read_answer().code == 200);
    auto long_line = server.connect();
    long_line.send(head(bounds.request_line + 1, 1000));
    require_last(long_line, 414);
    auto long_section = server.connect();
    long_section.send(head(1000, bounds.header_section + 1));
    require_last(long_section, 431);
}

TEST_CASE("http server: a client that still sends its oversize body reads the 413", "[http]") {
    sample_server server;
    SECTION("announced") {
        auto client = server.connect();
        client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n");
        client.send_while_open(std::string(64 * 1024, 'x'), 20);
        require_last(client, 413);
    }
    SECTION("chunked") {
        auto client = server.connect();
        client.send(chunked_head);
        client.send_while_open("4000\r\n" + std::string(0x4000, 'x') + "\r\n", 64);
        require_last(client, 413);
    }
    REQUIRE(server.reaches(0));
    REQUIRE(server.answered(4) == 1);
}

TEST_CASE("http server: 100-continue invites only a body that is wanted", "[http]") {
    sample_server server;
    const auto ask = [](std::string_view line, std::size_t length) {
        return std::string(line) +
               " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nX-Request-ID: e1\r\nContent-Length: " +
               std::to_string(length) + "\r\n\r\n";
    };
    SECTION("it is") {
        auto client = server.connect();
        client.send(ask("POST /echo", 4));
        REQUIRE(client.read_answer().code == 100);
        client.send("body");
        REQUIRE(client.read_answer().body == "body");
        REQUIRE(server.answered(1) == 1);
        // Sent along, it needs no invitation.
        client.send(ask("POST /echo", 4) + "body");
        REQUIRE(client.read_answer().code == 200);
    }
    SECTION("no such path") {
        auto client = server.connect();
        client.send(ask("POST /nowhere", 4));
        require_last(client, 404);
    }
    SECTION("no such method") {
        auto client = server.connect();
        client.send(ask("PUT /echo", 4));
        const auto a = client.read_answer();
        REQUIRE(a.code == 405);
        REQUIRE(a.header("Allow") == "OPTIONS, POST");
        REQUIRE(a.header("Connection") == "close");
        REQUIRE(client.read_to_end().empty());
    }
    SECTION("too large") {
        auto client = server.connect();
        client.send(ask("POST /echo", 50'000'000));
        const auto a = client.read_answer();
        REQUIRE(a.code == 413);
        REQUIRE(a.header("X-Request-ID") == "e1");
    }
}
