// SPDX-License-Identifier: Apache-2.0
// The HTTP server over real sockets: what requests are answered, the refused and the failing among them, and
// what the operator is told of them.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/testing/catch.hpp"
#include "http/access_log.hpp"
#include "http_server_fixture.hpp"
#include "observability/log.hpp"

using namespace bulkhead;
using namespace bulkhead::http;
using namespace bulkhead::testing;
using namespace std::chrono_literals;

TEST_CASE("http server: a refused request is the last one", "[http]") {
    sample_server server;
    const std::string smuggled = get("/text/smuggled");
    const std::vector<std::pair<std::string, unsigned>> rows{
        {"GET /hello HTTP/1.1\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\nHost: x\n\n", 400},
        {"GET /hello HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\nHost : x\r\n\r\n", 400},
        {"GET /hello HTTP/2.0\r\nHost: x\r\n\r\n", 505},
        {"\x16\x03\x01\x02\x01\x01", 400},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\nbody", 400},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
        {"BREW /hello HTTP/1.1\r\nHost: x\r\n\r\n", 501},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: a lot\r\nContent-Length: 4\r\n\r\nbody", 417},
        {chunked_head + "zz\r\n", 400},
        {chunked_head + "1\r\nab\r\n0\r\n\r\n", 400},
        {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 414},
        {"GET /hello HTTP/1.1\r\nHost: x\r\nX-Pad: " + std::string(17'000, 'a') + "\r\n\r\n", 431},
    };
    for (const auto& [bytes, code] : rows) {
        INFO(bytes.substr(0, 80));
        auto client = server.connect();
        client.send(get("/hello", "X-Request-ID: first\r\n") + bytes + smuggled);
        REQUIRE(client.read_answer().header("X-Request-ID") == "first");
        const auto refusal = client.read_answer();
        REQUIRE(refusal.code == code);
        REQUIRE(refusal.header("Connection") == "close");
        REQUIRE(refusal.header("Content-Type") == "application/problem+json");
        REQUIRE(refusal.header("X-Request-ID") != "first");
        require_standing(refusal);
        REQUIRE(client.read_to_end().empty());
    }
    REQUIRE(server.reaches(0));
}

TEST_CASE("http server: HEAD, OPTIONS, 404 and 405", "[http]") {
    sample_server server;
    auto client = server.connect();
    const auto ask = [&](std::string_view line) {
        client.send(std::string(line) + " HTTP/1.1\r\nHost: x\r\n\r\n");
        const auto a = client.read_answer(line.starts_with("HEAD"));
        require_standing(a);
        REQUIRE_FALSE(a.has("Connection"));
        return a;
    };
    REQUIRE(ask("HEAD /hello").header("Content-Length") == "2");
    REQUIRE(ask("HEAD /nowhere").code == 404);
    const auto options = ask("OPTIONS /hello");
    REQUIRE(options.code == 204);
    REQUIRE(options.header("Allow") == "GET, HEAD, OPTIONS");
    REQUIRE_FALSE(options.has("Content-Length"));
    REQUIRE(ask("OPTIONS *").code == 204);
    const auto wrong = ask("DELETE /echo");
    REQUIRE(wrong.code == 405);
    REQUIRE(wrong.header("Allow") == "OPTIONS, POST");
    REQUIRE(ask("GET /nowhere").code == 404);
    REQUIRE(ask("GET /hello").code == 200);
    // Refused or not, HEAD gets no content.
    client.send("HEAD /hello HTTP/1.1\r\n\r\n");
    REQUIRE(client.read_answer(true).code == 400);
    REQUIRE(client.read_to_end().empty());
}

TEST_CASE("http server: HTTP/1.0 and Connection: close", "[http]") {
    sample_server server;
    auto plain = server.connect();
    plain.send("GET /hello HTTP/1.0\r\n\r\n");
    require_last(plain, 200);
    auto kept = server.connect();
    for (int i = 0; i < 2; ++i) {
        kept.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        const auto a = kept.read_answer();
        REQUIRE(a.code == 200);
        REQUIRE(a.header("Connection") == "keep-alive");
    }
    auto closing = server.connect();
    closing.send(get("/hello", "Connection: close\r\n") + get("/text/after"));
    require_last(closing, 200);
}

TEST_CASE("http server: a bug in a handler costs its connection, and says nothing", "[http]") {
    const cors_policy cors({"https://app.example.com"});
    auto options = quick();
    options.applied.cors = &cors;
    sample_server server(options);
    for (auto path : {"/fall", "/split"}) {
        auto client = server.connect();
        client.send(get("/hello") + get(path, "X-Request-ID: mine\r\nOrigin: https://app.example.com\r\n") +
                    get("/hello"));
        REQUIRE(client.read_answer().code == 200);
        const auto a = client.read_answer();
        REQUIRE(a.code == 500);
        REQUIRE(a.header("Connection") == "close");
        REQUIRE(a.header("X-Request-ID") == "mine");
        REQUIRE(a.head.find("Set-Cookie") == std::string::npos);
        REQUIRE(a.header("X-Frame-Options") == "DENY");
        REQUIRE(a.header("Access-Control-Allow-Origin") == "https://app.example.com");
        REQUIRE(a.body.find("secret") == std::string::npos);
        REQUIRE(client.read_to_end().empty());
    }
    auto next = server.connect();
    next.send(get("/hello"));
    REQUIRE(next.read_answer().code == 200);
    REQUIRE(server.answered(5) == 2);
}

TEST_CASE("http server: it says what it is doing", "[http]") {
    sample_server server;
    auto slow = server.connect(), body = server.connect(), head = server.connect(), idle = server.connect();
    idle.send(get("/hello"));
    REQUIRE(idle.read_answer().code == 200);
    slow.send(get("/slow", "X-Request-ID: s1\r\n"));
    REQUIRE(server.reaches(4));
    std::this_thread::sleep_for(20ms);
    body.send("POST /echo HTTP/1.1\r\nHost: x\r\nX-Request-ID: b1\r\nContent-Length: 5\r\n\r\nab");
    head.send("GET /he");
    std::this_thread::sleep_for(20ms);
    requests_report all, one;
    server.on_reactor([&] {
        all = server.get().report(10);
        one = server.get().report(1);
    });
    REQUIRE(all.in_phase == std::array<std::size_t, request_phases>{1, 1, 1, 0});
    REQUIRE(all.oldest.size() == 3);
    REQUIRE(all.oldest[0].id == "s1");
    REQUIRE(all.oldest[0].phase == request_phase::serving);
    REQUIRE(all.oldest[0].row->path == "/slow");
    REQUIRE(all.oldest[0].method == "GET");
    REQUIRE(all.oldest[0].client.to_string() == "127.0.0.1");
    REQUIRE(one.oldest.size() == 1);
    REQUIRE(one.oldest[0].id == "s1");
    REQUIRE(one.in_phase == all.in_phase);
    const auto held = [&](request_phase phase) {
        return *std::ranges::find(all.oldest, phase, &request_report::phase);
    };
    REQUIRE(held(request_phase::body).id == "b1");
    REQUIRE(held(request_phase::head).id.empty());
}

TEST_CASE("http server: the access log names refused requests by what is known of them", "[http]") {
    const auto folder =
        std::filesystem::temp_directory_path() / ("bulkhead_http_log_" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder);
    log::start({.file = (folder / "log").string()});
    {
        auto options = quick();
        access_log lines({});
        options.observers = {&lines};
        sample_server server(options);
        auto large_body = server.connect(), broken = server.connect();
        large_body.send(
            "POST /echo HTTP/1.1\r\nHost: x\r\nX-Request-ID: l1\r\nContent-Length: 99999999\r\n\r\n" +
            std::string(200, '!'));
        require_last(large_body, 413);
        broken.send(get("/hello", "X-Request-ID: b1\r\n") + "GET /broken HTTP/1.1\r\n\r\n");
        REQUIRE(broken.read_answer().code == 200);
        require_last(broken, 400);
    }
    log::stop();
    std::ifstream file(folder / "log");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    std::filesystem::remove_all(folder);
    INFO(text);
    REQUIRE(
        text.find(
            R"("request_id":"l1","trace_id":"","tenant":"","user":"","client":"127.0.0.1","method":"POST",)"
            R"("route":"/echo","path":"/echo","status":413)") != std::string::npos);
    REQUIRE(
        text.find(
            R"("request_id":"b1","trace_id":"","tenant":"","user":"","client":"127.0.0.1","method":"GET",)"
            R"("route":"/hello","path":"/hello","status":200)") != std::string::npos);
    REQUIRE(text.find(R"("method":"","route":"","path":"","status":400)") != std::string::npos);
    REQUIRE(text.find('!') == std::string::npos);
}
