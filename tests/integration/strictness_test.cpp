// SPDX-License-Identifier: Apache-2.0
// The strictness tables and a sample of the mutations over real sockets: what a refusal does to the
// connection. Behind every request stands another one with a name of its own: it is answered exactly when the
// connection lives on, and never in the place of what was refused.
#include <string>
#include <vector>

#include "base/testing/catch.hpp"
#include "http/router.hpp"
#include "http/testing/mutations.hpp"
#include "http/testing/strictness_cases.hpp"
#include "raw_client.hpp"
#include "running_server.hpp"

using namespace bulkhead;
using namespace bulkhead::http;
using namespace bulkhead::http::testing;
using namespace std::chrono_literals;
using bulkhead::testing::answer;
using bulkhead::testing::raw_client;

namespace {

const std::string next_request =
    "GET /next HTTP/1.1\r\nHost: a\r\nX-Request-ID: next\r\nConnection: close\r\n\r\n";

awaitable<result<response>> echo(exchange& x) {
    co_return response{.content_type = "text/plain", .body = std::string(x.body())};
}
awaitable<result<response>> first(exchange& x) { return echo(x); }
awaitable<result<response>> canary(exchange&) {
    co_return response{.content_type = "text/plain", .body = "canary"};
}
awaitable<result<response>> after(exchange&) {
    co_return response{.content_type = "text/plain", .body = "after"};
}
awaitable<result<response>> next(exchange&) {
    co_return response{.content_type = "text/plain", .body = "next"};
}

router make_routes() {
    router r;
    r.get<echo>("/", {.id = "get", .summary = "", .tag = "t"});
    r.post<echo>("/", {.id = "post", .summary = "", .tag = "t"});
    r.post<first>("/first", {.id = "first", .summary = "", .tag = "t", .body_limit = 4096});
    r.get<canary>("/canary", {.id = "canary", .summary = "", .tag = "t"});
    r.get<after>("/after", {.id = "after", .summary = "", .tag = "t"});
    r.get<next>("/next", {.id = "next", .summary = "", .tag = "t"});
    return r;
}

server_options options() {
    server_options out;
    out.default_body_limit = strictness_body_limit;
    return out;
}

/// What a client gets that sends `bytes`, then no more.
std::vector<answer> answers_to(const bulkhead::testing::running_server& server, const std::string& bytes) {
    auto client = server.connect();
    try {
        client.send(bytes);
    } catch (const std::runtime_error&) {
        // refused and closed while the rest was on its way
    }
    client.close_sending();
    std::vector<answer> out;
    bool head = bytes.starts_with("HEAD ");
    for (;;) {
        auto a = client.read_answer(std::exchange(head, false));
        if (a.code == 0) return out;
        if (a.code != 100) out.push_back(std::move(a));
    }
}

std::string codes_of(const std::vector<answer>& answers) {
    std::string out;
    for (const auto& a : answers) out += std::to_string(a.code) + " ";
    return out;
}

bool is_next(const answer& a) { return a.header("X-Request-ID") == "next"; }

void check_served(const strict_case& c, const std::vector<answer>& answers) {
    const auto expected = read_stream(c.bytes, 1 << 20, limits{}, strictness_body_limit);
    const bool lives_on = expected.requests.front().keep_alive;
    REQUIRE(answers.size() == (lives_on ? 2 : 1));
    CHECK(answers.front().code < 500);
    CHECK(answers.front().has("Connection") != lives_on);
    if (lives_on) CHECK(is_next(answers.back()));
    const auto& asked = expected.requests.front();
    if (answers.front().code == 200 && asked.method != "HEAD") CHECK(answers.front().body == c.body);
}

void check_refused(const strict_case& c, const std::vector<answer>& answers) {
    REQUIRE(answers.size() == 1);
    CHECK(answers.front().code == static_cast<unsigned>(c.wanted));
    CHECK(answers.front().header("Connection") == "close");
    CHECK_FALSE(is_next(answers.front()));
}

}  // namespace

TEST_CASE("strictness: a connection outlives what is served and nothing else", "[http]") {
    const bulkhead::testing::running_server server(options(), make_routes());
    for (const auto& c : strictness_cases()) {
        if (c.wanted == fate::unfinished) continue;  // what follows would be its rest
        const auto answers = answers_to(server, c.bytes + next_request);
        INFO(c.name << " (" << c.source << ") -> " << codes_of(answers));
        if (c.wanted == fate::served) {
            check_served(c, answers);
        } else if (c.wanted == fate::followed) {
            REQUIRE(answers.size() == 2);  // the rest and the next request together are no request
            CHECK(answers.front().code < 500);
            CHECK_FALSE(is_next(answers.back()));
        } else {
            check_refused(c, answers);
        }
    }
}

TEST_CASE("strictness: a request that is cut off is not served", "[http]") {
    const bulkhead::testing::running_server server(options(), make_routes());
    for (const auto& c : strictness_cases()) {
        if (c.wanted != fate::unfinished) continue;
        INFO(c.name << " (" << c.source << ")");
        for (const auto& a : answers_to(server, c.bytes)) CHECK(a.code == 400);
    }
}

TEST_CASE("strictness: a sample of the mutations smuggles nothing through a connection", "[http]") {
    const bulkhead::testing::running_server server(options(), make_routes());
    const auto families = mutation_families();
    std::mt19937 random(20261121);
    constexpr int sample = 3000;
    int served = 0;
    for (int i = 0; i < sample; ++i) {
        const auto m = random_mutation(families[random() % families.size()], random);
        const auto wire = m.wire();
        const auto expected = read_stream(wire, 1 << 20, limits{}, 4096);
        const auto answers = answers_to(server, wire);
        INFO(m.family->name << ": " << m.line << " -> " << codes_of(answers));
        // As many answers as the reader sees requests, and one more for a refusal.
        std::size_t wanted = expected.requests.size();
        if (expected.end == stream_end::refused) ++wanted;
        if (expected.end == stream_end::unfinished && answers.size() == wanted + 1)
            ++wanted;  // a body that ends early is told so, a head is not
        REQUIRE(answers.size() == wanted);
        for (std::size_t n = 0; n < expected.requests.size(); ++n) {
            const bool asked = expected.requests[n].path == "/canary";
            REQUIRE((answers[n].body == "canary") == asked);
        }
        served += !expected.requests.empty();
    }
    CHECK(served > sample / 20);
}
