// SPDX-License-Identifier: Apache-2.0
// The HTTP server over real sockets: content that is read while it is sent.
#include <algorithm>
#include <atomic>
#include <memory>
#include <string>

#include "base/testing/catch.hpp"
#include "http/content_source.hpp"
#include "http_server_fixture.hpp"

using namespace bulkhead;
using namespace bulkhead::http;
using namespace bulkhead::testing;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t piece = 64 * 1024;
constexpr std::uint64_t content_size = 16u << 20;

std::atomic<std::uint64_t> given{0};  // by all sources of the test under way
std::atomic<int> alive{0};

char letter(std::uint64_t at) { return static_cast<char>('a' + at / 1000 % 26); }

std::string letters(std::uint64_t from, std::uint64_t count) {
    std::string out;
    for (std::uint64_t i = 0; i < count; ++i) out += letter(from + i);
    return out;
}

class letter_source final : public content_source {
public:
    letter_source(std::uint64_t size, std::uint64_t fails_at) : size_(size), fails_at_(fails_at) { ++alive; }
    ~letter_source() override { --alive; }

    [[nodiscard]] std::uint64_t size() const noexcept override { return size_; }
    awaitable<result<std::string_view>> next() override {
        co_await net::post(co_await net::this_coro::executor, use_awaitable);
        if (at_ >= fails_at_) co_return fail(errc::unavailable, "the disk is gone");
        buffer_ = letters(at_, std::min<std::uint64_t>(piece, size_ - at_));
        at_ += buffer_.size();
        given += buffer_.size();
        co_return std::string_view(buffer_);
    }

private:
    const std::uint64_t size_, fails_at_;
    std::uint64_t at_ = 0;
    std::string buffer_;
};

response answer_of(std::uint64_t size, std::uint64_t fails_at = ~std::uint64_t{0}) {
    return {.content_type = "text/csv; charset=utf-8",
            .source = std::make_shared<letter_source>(size, fails_at)};
}

awaitable<result<response>> small(exchange&) { co_return answer_of(1'000); }
awaitable<result<response>> empty(exchange&) { co_return answer_of(0); }
awaitable<result<response>> big(exchange&) { co_return answer_of(content_size); }
awaitable<result<response>> broken(exchange&) { co_return answer_of(content_size, 10 * piece); }
awaitable<result<response>> split(exchange&) {
    co_return std::move(answer_of(1'000).header("Location", "/x\r\nSet-Cookie: a=b"));
}

router content_routes() {
    auto r = sample_routes();
    r.get<small>("/small", {.id = "small", .summary = "", .tag = "t"});
    r.get<empty>("/empty", {.id = "empty", .summary = "", .tag = "t"});
    r.get<big>("/big", {.id = "big", .summary = "", .tag = "t"});
    r.get<broken>("/broken", {.id = "broken", .summary = "", .tag = "t"});
    r.get<split>("/split-source", {.id = "split_source", .summary = "", .tag = "t"});
    return r;
}

}  // namespace

TEST_CASE("http server: content that is read while it is sent arrives whole and in order", "[http]") {
    running_server server(quick(), content_routes());
    given = 0;
    auto client = server.connect();
    client.send(get("/hello") + get("/small") + get("/big") + get("/empty") + get("/small") + get("/hello"));
    REQUIRE(client.read_answer().body == "{}");
    const auto first = client.read_answer();
    REQUIRE(first.body == letters(0, 1'000));
    REQUIRE(first.header("Content-Type") == "text/csv; charset=utf-8");
    require_standing(first);
    const auto whole = client.read_answer();
    REQUIRE(whole.header("Content-Length") == std::to_string(content_size));
    REQUIRE(whole.body == letters(0, content_size));
    const auto nothing = client.read_answer();
    REQUIRE(nothing.code == 200);
    REQUIRE(nothing.header("Content-Length") == "0");
    REQUIRE_FALSE(nothing.has("Content-Type"));
    REQUIRE(client.read_answer().body == letters(0, 1'000));
    REQUIRE(client.read_answer().body == "{}");
    REQUIRE(given == content_size + 2'000);
    REQUIRE(alive == 0);
}

TEST_CASE("http server: HEAD tells the size of such content and reads none of it", "[http]") {
    running_server server(quick(), content_routes());
    given = 0;
    auto client = server.connect();
    client.send("HEAD /big HTTP/1.1\r\nHost: x\r\n\r\n" + get("/hello"));
    const auto head = client.read_answer(true);
    REQUIRE(head.code == 200);
    REQUIRE(head.header("Content-Length") == std::to_string(content_size));
    REQUIRE(client.read_answer().body == "{}");
    REQUIRE(given == 0);
    REQUIRE(alive == 0);
}

TEST_CASE("http server: an answer that cannot be read to its end is cut", "[http]") {
    running_server server(quick(), content_routes());
    auto client = server.connect();
    client.send(get("/broken") + get("/hello"));
    const auto received = client.read_to_end();
    REQUIRE(received.size() < content_size);
    REQUIRE(received.find("HTTP/1.1", 1) == std::string::npos);
    REQUIRE(server.reaches(0));
    REQUIRE(alive == 0);

    // Its head has a bug: nobody sees its content either.
    auto other = server.connect();
    other.send(get("/split-source"));
    require_last(other, 500);
    REQUIRE(alive == 0);
}

TEST_CASE("http server: who does not read such content is cut, and it is read no further", "[http]") {
    auto options = quick();
    options.bounds.content_rate = 1u << 30;
    running_server server(options, content_routes());
    given = 0;
    auto client = server.connect();
    client.send(get("/hello"));
    REQUIRE(client.read_answer().code == 200);
    client.send(get("/big"));
    REQUIRE(server.reaches(0));
    REQUIRE(given < content_size);
    REQUIRE(alive == 0);

    // Whoever reads, but too slowly for the whole, has until then.
    const auto began = steady_clock::now();
    auto slow = server.connect();
    slow.send(get("/big"));
    std::size_t read = 0;
    while (since(began) < 5s) {
        const auto some = slow.read_bytes();
        if (some.empty()) break;
        read += some.size();
        std::this_thread::sleep_for(200ms);
    }
    REQUIRE(since(began) < 5s);
    REQUIRE(read < content_size);
}
