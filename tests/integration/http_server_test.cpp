// SPDX-License-Identifier: Apache-2.0
// The HTTP server over real sockets: what a client sees on the wire, byte for byte. The server runs on a
// reactor of this process with shortened limits; clients are blocking sockets with a timeout on every wait.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/testing/catch.hpp"
#include "http/access_log.hpp"
#include "http/server.hpp"
#include "observability/log.hpp"
#include "raw_client.hpp"
#include "running_server.hpp"

using namespace bulkhead;
using namespace bulkhead::http;
using namespace std::chrono_literals;
using bulkhead::testing::answer;
using bulkhead::testing::raw_client;

namespace {

constexpr std::size_t large = 16u << 20;  // more than both kernels' socket buffers take

awaitable<result<response>> hello(exchange&) { co_return response{.body = "{}"}; }
awaitable<result<response>> echo(exchange& x) {
    co_return response{.content_type = "text/plain", .body = std::string(x.body())};
}
awaitable<result<response>> text(exchange&, path_text value) {
    co_return response{.body = std::string(value.value)};
}
awaitable<result<response>> flood(exchange&) {
    co_return response{.content_type = "text/plain", .body = std::string(large, 'x')};
}
awaitable<result<response>> slow(exchange&) {
    steady_timer timer(co_await net::this_coro::executor, 300ms);
    co_await timer.async_wait(use_tuple);
    co_return response{.body = "\"slow\""};
}
awaitable<result<response>> fall(exchange&) {
    throw std::runtime_error("a secret detail");
    co_return response{};
}
awaitable<result<response>> split(exchange&) {
    co_return std::move(response{}.header("Location", "/x\r\nSet-Cookie: a=b"));
}

router make_routes() {
    router r;
    r.get<hello>("/hello", {.id = "hello", .summary = "", .tag = "t"});
    r.post<echo>("/echo", {.id = "echo", .summary = "", .tag = "t", .body_limit = 256 * 1024});
    r.get<text>("/text/{value}", {.id = "text", .summary = "", .tag = "t"});
    r.get<flood>("/flood", {.id = "flood", .summary = "", .tag = "t"});
    r.get<slow>("/slow", {.id = "slow", .summary = "", .tag = "t"});
    r.get<fall>("/fall", {.id = "fall", .summary = "", .tag = "t"});
    r.get<split>("/split", {.id = "split", .summary = "", .tag = "t"});
    return r;
}

server_options quick() {
    server_options out;
    auto& b = out.bounds;
    b.head_timeout = 300ms;
    b.body_timeout = 300ms;
    b.body_absolute_timeout = 600ms;
    b.write_grace = 300ms;
    b.write_absolute_timeout = 600ms;
    b.keep_alive_idle = 400ms;
    b.lingering_time = 500ms;
    return out;
}

/// The routes above on a port of their own.
class running_server : public bulkhead::testing::running_server {
public:
    explicit running_server(const server_options& options = quick(), std::uint16_t port = 0)
        : bulkhead::testing::running_server(options, make_routes(), port) {}
};

std::string get(std::string_view path, std::string_view more = "") {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more) + "\r\n";
}
std::string post(std::string_view body) {
    return "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string(body);
}
const std::string chunked_head = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

/// What holds for every answer, whatever became of the request.
void require_standing(const answer& a) {
    REQUIRE(a.has("Date"));
    REQUIRE(a.has("X-Request-ID"));
    REQUIRE(a.header("X-Content-Type-Options") == "nosniff");
}

/// The last answer of a connection: nothing follows it, and the server closes.
void require_last(raw_client& client, unsigned code) {
    const auto a = client.read_answer();
    REQUIRE(a.code == code);
    REQUIRE(a.header("Connection") == "close");
    require_standing(a);
    REQUIRE(client.read_to_end().empty());
}

std::chrono::milliseconds since(steady_clock::time_point began) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - began);
}

}  // namespace

TEST_CASE("http server: a connection is kept and ids are echoed or replaced", "[http]") {
    running_server server;
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
    running_server server;
    auto client = server.connect();
    std::string all;
    for (int i = 0; i < 50; ++i) all += get("/text/" + std::to_string(i));
    client.send(all);
    for (int i = 0; i < 50; ++i) REQUIRE(client.read_answer().body == std::to_string(i));
    REQUIRE(client.reads() <= 4);  // a segment holds about 64 KiB on loopback
}

TEST_CASE("http server: bodies in a pipeline end where they end", "[http]") {
    running_server server;
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
    running_server server;
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
    running_server server;
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
    running_server server;
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
    running_server server;
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

TEST_CASE("http server: slow clients are told and dropped", "[http]") {
    running_server server;
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
    running_server server;
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
    running_server server;
    auto client = server.connect();
    client.send(get("/flood") + get("/hello"));
    std::this_thread::sleep_for(900ms);
    const auto received = client.read_to_end();
    const auto content = received.find("\r\n\r\n") + 4;
    REQUIRE(received.substr(0, content + large).find_first_not_of('x', content) >= content + large);
}

TEST_CASE("http server: a client that closed its half gets its answer", "[http]") {
    running_server server;
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

TEST_CASE("http server: a refused request is the last one", "[http]") {
    running_server server;
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
    running_server server;
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
    running_server server;
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
    running_server server(options);
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

TEST_CASE("http server: draining ends the idle at once and lets others finish", "[http]") {
    auto options = quick();
    options.bounds.keep_alive_idle = 10s;
    options.bounds.quiet_before_close = 100ms;
    running_server server(options);
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
    running_server server;
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
    running_server server(options);
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
    running_server server(options);
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
    running_server server;
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

TEST_CASE("http server: it says what it is doing", "[http]") {
    running_server server;
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

TEST_CASE("http server: draining answers what has arrived before", "[http]") {
    running_server server;
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
    running_server server;
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

TEST_CASE("http server: more connections than allowed are closed", "[http]") {
    auto options = quick();
    options.max_connections = 2;
    options.bounds.keep_alive_idle = 5s;
    running_server server(options);
    auto first = server.connect(), second = server.connect();
    REQUIRE(server.reaches(2));
    auto third = server.connect();
    REQUIRE(third.read_to_end().empty());
    REQUIRE(server.refused() == 1);
    second.close();
    REQUIRE(server.reaches(1));
    auto fourth = server.connect();
    fourth.send(get("/hello"));
    REQUIRE(fourth.read_answer().code == 200);
}

TEST_CASE("http server: a connection serves so many requests and grows so old", "[http]") {
    auto options = quick();
    SECTION("requests") {
        options.bounds.requests_per_connection = 3;
        running_server server(options);
        auto client = server.connect();
        client.send(get("/hello") + get("/hello") + get("/hello") + get("/hello"));
        REQUIRE_FALSE(client.read_answer().has("Connection"));
        REQUIRE_FALSE(client.read_answer().has("Connection"));
        require_last(client, 200);
    }
    SECTION("age") {
        options.bounds.connection_age = 100ms;
        running_server server(options);
        auto client = server.connect();
        client.send(get("/hello"));
        REQUIRE_FALSE(client.read_answer().has("Connection"));
        std::this_thread::sleep_for(120ms);
        client.send(get("/hello"));
        require_last(client, 200);
    }
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
        running_server server(options);
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

namespace {

std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t size = 0, resident = 0;
    statm >> size >> resident;
    return resident * 4096;
}

/// Puts the limit of open descriptors back when it goes.
class descriptor_limit {
public:
    explicit descriptor_limit(rlim_t wanted) {
        getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit now{std::min(wanted, before_.rlim_max), before_.rlim_max};
        setrlimit(RLIMIT_NOFILE, &now);
    }
    ~descriptor_limit() { setrlimit(RLIMIT_NOFILE, &before_); }
    descriptor_limit(const descriptor_limit&) = delete;
    descriptor_limit& operator=(const descriptor_limit&) = delete;

private:
    rlimit before_{};
};

}  // namespace

TEST_CASE("http server: an idle connection is cheap, whatever it did before", "[http]") {
    constexpr std::size_t count = 1000;
    const descriptor_limit enough(4096);
    auto options = quick();
    options.bounds.keep_alive_idle = 30s;
    running_server server(options);
    const auto exchange_one = [&](raw_client& client) {
        client.send(post(std::string(200'000, 'm')));
        REQUIRE(client.read_answer().code == 200);
    };
    auto warm = server.connect();
    exchange_one(warm);
    std::vector<raw_client> clients;
    clients.reserve(count);
    const auto before = resident_bytes();
    for (std::size_t i = 0; i < count; ++i) {
        clients.push_back(server.connect());
        exchange_one(clients.back());
    }
    REQUIRE(server.open() == count + 1);
    const auto each = (resident_bytes() - std::min(before, resident_bytes())) / count;
    INFO(each << " bytes of a connection");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    REQUIRE(each < 20 * 1024);
#endif
}

TEST_CASE("http server: out of descriptors it waits, without spinning, and goes on", "[http]") {
    running_server server;
    auto client = server.connect(), waiting = raw_client::unconnected();
    client.send(get("/hello"));
    REQUIRE(client.read_answer().code == 200);
    const auto clock_before = std::clock();
    {
        const descriptor_limit none(3);
        waiting.connect(server.port());
        waiting.send(get("/hello"));
        client.send(get("/hello"));
        REQUIRE(client.read_answer().code == 200);
        std::this_thread::sleep_for(300ms);
    }
    REQUIRE(std::clock() - clock_before < CLOCKS_PER_SEC / 10);
    REQUIRE(waiting.read_answer().code == 200);
}

namespace {

/// Uses up all descriptors of the process.
class no_descriptors {
public:
    no_descriptors() {
        for (int one = 0; (one = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) taken_.push_back(one);
    }
    ~no_descriptors() {
        for (const int one : taken_) ::close(one);
    }
    no_descriptors(const no_descriptors&) = delete;
    no_descriptors& operator=(const no_descriptors&) = delete;

private:
    const descriptor_limit few_{256};
    std::vector<int> taken_{};
};

}  // namespace

TEST_CASE("http server: out of descriptors for long, it turns away who waits", "[http]") {
    auto options = quick();
    options.bounds.keep_alive_idle = 30s;  // a connection that ends would be a descriptor
    running_server server(options);
    auto client = server.connect(), waiting = raw_client::unconnected();
    client.send(get("/hello"));
    REQUIRE(client.read_answer().code == 200);
    const auto began = steady_clock::now();
    const auto clock_before = std::clock();
    {
        const no_descriptors left;
        waiting.connect(server.port());
        waiting.send(get("/hello"));
        REQUIRE(waiting.read_to_end() == "");
        REQUIRE(since(began) >= 500ms);
        client.send(get("/hello"));  // those who are in are served
        REQUIRE(client.read_answer().code == 200);
    }
    REQUIRE(std::clock() - clock_before < CLOCKS_PER_SEC / 5);
    REQUIRE(server.refused() >= 1);
    auto next = server.connect();
    next.send(get("/hello"));
    REQUIRE(next.read_answer().code == 200);
}

TEST_CASE("http server: reactors share a port, programs do not", "[http]") {
    running_server one;
    running_server two(quick(), one.port());
    bool both = false;
    for (int i = 0; i < 200 && !both; ++i) {
        auto client = one.connect();
        client.send(get("/hello"));
        REQUIRE(client.read_answer().code == 200);
        both = one.answered(2) > 0 && two.answered(2) > 0;
    }
    REQUIRE(both);
    const auto taken = check_listen({"127.0.0.1", one.port()});
    REQUIRE_FALSE(taken.has_value());
    REQUIRE(taken.error().detail.find(std::to_string(one.port())) != std::string::npos);
    REQUIRE_FALSE(check_listen({"localhost", 0}).has_value());
    REQUIRE(check_listen({"127.0.0.1", running_server::free_port()}).has_value());
}
