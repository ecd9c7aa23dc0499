// SPDX-License-Identifier: Apache-2.0
#include "http_server_fixture.hpp"

#include <stdexcept>
#include <utility>

namespace bulkhead::testing {

using namespace bulkhead::http;
using namespace std::chrono_literals;

namespace {

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

}  // namespace

router sample_routes() {
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

std::string get(std::string_view path, std::string_view more) {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more) + "\r\n";
}

std::string post(std::string_view body) {
    return "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string(body);
}

void require_standing(const answer& a) {
    REQUIRE(a.has("Date"));
    REQUIRE(a.has("X-Request-ID"));
    REQUIRE(a.header("X-Content-Type-Options") == "nosniff");
}

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

}  // namespace bulkhead::testing
