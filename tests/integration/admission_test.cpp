// SPDX-License-Identifier: Apache-2.0
// Admission as clients see it: who is served, who waits, who is refused, and what is not read for them.
#include "http/admission.hpp"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "base/testing/catch.hpp"
#include "http/server.hpp"
#include "raw_client.hpp"
#include "running_server.hpp"
#include "runtime/reactor.hpp"

using namespace bulkhead;
using namespace bulkhead::http;
using namespace std::chrono_literals;
using bulkhead::testing::raw_client;
using bulkhead::testing::running_server;

namespace {

std::atomic<bool> held{false};
std::atomic<int> calls{0};

/// Answers when `held` is false.
awaitable<result<response>> hold(exchange& x) {
    ++calls;
    while (held) {
        steady_timer pause(co_await net::this_coro::executor, 2ms);
        co_await pause.async_wait(use_tuple);
    }
    co_return response{.body = std::to_string(x.body().size())};
}

awaitable<result<response>> remaining(exchange& x) {
    co_return response{.body = std::to_string(x.deadline().remaining().count())};
}

router make_routes() {
    router r;
    r.get<hold>("/hold", {.id = "hold", .summary = "", .tag = "t"});
    r.post<hold>("/put", {.id = "put", .summary = "", .tag = "t", .body_limit = 1 << 20});
    r.get<hold>("/live", {.id = "live", .summary = "", .tag = "t", .probe = true});
    r.get<remaining>("/remaining", {.id = "remaining", .summary = "", .tag = "t", .lane = traffic::exempt});
    return r;
}

/// One request at a time of each class.
admission_settings narrow(std::chrono::milliseconds patience = 200ms, std::size_t most_waiting = 100) {
    admission_settings out;
    for (auto& gate : out.gates) {
        gate.limit = {.least = 1, .most = 1, .initial = 1};
        gate.patience = patience;
        gate.most_waiting = most_waiting;
        gate.slow = 1h;
    }
    return out;
}

class gated_server {
public:
    explicit gated_server(const admission_settings& settings = narrow(),
                          std::chrono::milliseconds request_deadline = 5s)
        : reactor_("gated"),
          gates_(reactor_.get_executor(), registry_, settings),
          server_(reactor_.get_executor(), routes_, services_, options(gates_, request_deadline), counts_) {
        held = false;
        calls = 0;
        reactor_.start();
        reactor_.post([this] {
            gates_.start();
            server_.start({"127.0.0.1", port_});
            ready_ = true;
        });
        REQUIRE(becomes([this] { return ready_.load(); }));
    }
    ~gated_server() {
        held = false;
        reactor_.stop();
        reactor_.join();
    }
    [[nodiscard]] raw_client connect() const { return raw_client(port_); }
    bool waits(int count) { return shows("bulkhead_admission_waiting", count); }
    bool serves(int count) { return shows("bulkhead_admission_in_flight", count); }
    [[nodiscard]] bool shed(std::string_view lane, std::string_view reason, int count) const {
        return registry_.render().find(fmt::format(
                   "bulkhead_admission_shed_total{{lane=\"{}\",reason=\"{}\"}} {}\n", lane, reason, count)) !=
               std::string::npos;
    }

private:
    template <class Condition>
    static bool becomes(Condition holds) {
        for (const auto end = steady_clock::now() + 10s; steady_clock::now() < end;) {
            if (holds()) return true;
            std::this_thread::sleep_for(2ms);
        }
        return false;
    }
    /// Of all lanes together.
    bool shows(std::string_view name, int count) {
        return becomes([&] {
            int sum = 0;
            const auto text = registry_.render();
            for (const auto lane : lane_names) {
                const auto start = fmt::format("{}{{lane=\"{}\"}} ", name, lane);
                sum += std::stoi(text.substr(text.find(start) + start.size()));
            }
            return sum == count;
        });
    }
    static server_options options(admission& gates, std::chrono::milliseconds request_deadline) {
        server_options out;
        out.request_deadline = request_deadline;
        out.applied.gates = &gates;
        return out;
    }

    runtime::reactor reactor_;
    const std::uint16_t port_ = running_server::free_port();
    metrics::registry registry_;
    server_metrics counts_{registry_};
    const router routes_ = make_routes();
    const services services_;
    admission gates_;
    server server_;
    std::atomic<bool> ready_{false};
};

std::string get(std::string_view path, std::string_view more = "") {
    return fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n{}\r\n", path, more);
}
std::string post(std::size_t length, std::string_view body, std::string_view more = "") {
    return fmt::format("POST /put HTTP/1.1\r\nHost: x\r\n{}Content-Length: {}\r\n\r\n{}", more, length, body);
}

}  // namespace

TEST_CASE("admission: who finds no room waits, then is served or told to come back", "[admission]") {
    gated_server server;
    auto first = server.connect(), second = server.connect();
    held = true;
    first.send(get("/hold"));
    REQUIRE(server.serves(1));
    const auto began = steady_clock::now();
    second.send(get("/hold"));
    const auto refused = second.read_answer();
    REQUIRE(refused.code == 503);
    REQUIRE(refused.header("Retry-After") == "1");
    REQUIRE_FALSE(refused.has("Connection"));
    REQUIRE(refused.body.find("/problems/unavailable") != std::string::npos);
    REQUIRE(steady_clock::now() - began >= 200ms);
    REQUIRE(server.shed("read", "waited", 1));
    REQUIRE(calls == 1);
    held = false;
    REQUIRE(first.read_answer().code == 200);
    second.send(get("/hold"));
    REQUIRE(second.read_answer().code == 200);
}

TEST_CASE("admission: room that is left is given to who waits", "[admission]") {
    gated_server server(narrow(60s));
    auto first = server.connect(), second = server.connect();
    held = true;
    first.send(get("/hold"));
    REQUIRE(server.serves(1));
    second.send(get("/hold"));
    REQUIRE(server.waits(1));
    held = false;
    REQUIRE(first.read_answer().code == 200);
    REQUIRE(second.read_answer().code == 200);
    REQUIRE(server.serves(0));
}

TEST_CASE("admission: classes do not wait for each other, and probes for nobody", "[admission]") {
    gated_server server(narrow(60s));
    auto reader = server.connect(), writer = server.connect(), probe = server.connect();
    held = true;
    reader.send(get("/hold"));
    writer.send(post(2, "ab"));
    probe.send(get("/live"));
    REQUIRE(server.serves(2));
    auto waiting = server.connect();
    waiting.send(get("/hold"));
    REQUIRE(server.waits(1));
    auto another = server.connect();
    another.send(get("/remaining"));
    REQUIRE(another.read_answer().code == 200);
    held = false;
    for (auto* client : {&reader, &writer, &probe, &waiting}) REQUIRE(client->read_answer().code == 200);
}

TEST_CASE("admission: a body that is slow to come takes no place", "[admission]") {
    gated_server server(narrow(60s));
    auto slow = server.connect(), quick = server.connect();
    slow.send(post(5, "ab"));
    quick.send(post(5, "abcde"));
    REQUIRE(quick.read_answer().body == "5");
    slow.send("cde");
    REQUIRE(slow.read_answer().body == "5");
}

TEST_CASE("admission: the time of a slow body is its client's, not the request's", "[admission]") {
    gated_server server(narrow(60s), 250ms);
    auto patient = server.connect(), hasty = server.connect();
    patient.send(post(5, "ab"));
    hasty.send(post(5, "ab", "X-Request-Timeout-Ms: 100\r\n"));
    std::this_thread::sleep_for(300ms);
    patient.send("cde");
    hasty.send("cde");
    REQUIRE(patient.read_answer().body == "5");
    REQUIRE(hasty.read_answer().code == 504);
}

TEST_CASE("admission: when too many wait, a body is not asked for", "[admission]") {
    gated_server server(narrow(60s, 1));
    auto first = server.connect(), second = server.connect(), third = server.connect();
    held = true;
    first.send(post(1, "a"));
    REQUIRE(server.serves(1));
    second.send(post(1, "a"));
    REQUIRE(server.waits(1));
    third.send("POST /put HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n");
    const auto refused = third.read_answer();
    REQUIRE(refused.code == 503);
    REQUIRE(refused.header("Connection") == "close");
    REQUIRE(server.shed("write", "full", 1));
    held = false;
    REQUIRE(first.read_answer().code == 200);
    REQUIRE(second.read_answer().code == 200);
}

TEST_CASE("admission: the client's own patience counts", "[admission]") {
    gated_server server(narrow(60s));
    auto first = server.connect(), second = server.connect();
    const auto ask = [&](std::string_view limit) {
        second.send(get("/remaining", fmt::format("X-Request-Timeout-Ms: {}\r\n", limit)));
        return second.read_answer();
    };
    REQUIRE(std::stoi(ask("1000").body) <= 1000);
    REQUIRE(std::stoi(ask("99999999").body) <= 5000);  // never more than the server's own
    for (const auto* wrong : {"", "x", "-1", "+5", "1.5", "10s", "12345678901", "1, 2", "0x10"})
        REQUIRE(ask(wrong).code == 400);
    REQUIRE(ask("5\r\nX-Request-Timeout-Ms: 5").code == 400);
    calls = 0;
    second.send(get("/hold", "x-request-timeout-ms: 0\r\n"));
    const auto past = second.read_answer();
    REQUIRE(past.code == 504);
    REQUIRE(past.body.find("/problems/deadline-exceeded") != std::string::npos);
    REQUIRE(calls == 0);

    held = true;
    first.send(get("/hold"));
    REQUIRE(server.serves(1));
    const auto began = steady_clock::now();
    second.send(get("/hold", "X-Request-Timeout-Ms: 100\r\n"));
    REQUIRE(second.read_answer().code == 504);
    REQUIRE(steady_clock::now() - began >= 100ms);
    REQUIRE(steady_clock::now() - began < 5s);
    REQUIRE(server.shed("read", "late", 1));
    REQUIRE(calls == 1);
}

TEST_CASE("admission: who waits when the reactor ends is forgotten, without a leak", "[admission]") {
    std::optional<raw_client> client;
    {
        gated_server server(narrow(60s));
        auto first = server.connect();
        client.emplace(server.connect());
        held = true;
        first.send(get("/hold"));
        REQUIRE(server.serves(1));
        client->send(get("/hold"));
        REQUIRE(server.waits(1));
    }
    REQUIRE(client->read_to_end().empty());
}
