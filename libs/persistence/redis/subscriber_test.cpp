// SPDX-License-Identifier: Apache-2.0
// The subscriber against a scripted server: silence and nonsense. What a real one does is in
// tests/integration/redis_subscriber_test.cpp.
#include "persistence/redis/subscriber.hpp"

#include <functional>

#include "base/testing/catch.hpp"
#include "persistence/redis/testing/scripted_server.hpp"

using namespace bulkhead;
using namespace bulkhead::redis;
using bulkhead::redis::testing::lines;
using bulkhead::redis::testing::scripted_server;
using namespace std::chrono_literals;

namespace {

std::string confirmation(std::string_view channel) {
    return fmt::format("*3\r\n$9\r\nsubscribe\r\n${}\r\n{}\r\n:1\r\n", channel.size(), channel);
}

std::string message(std::string_view channel, std::string_view text) {
    return fmt::format("*3\r\n$7\r\nmessage\r\n${}\r\n{}\r\n${}\r\n{}\r\n", channel.size(), channel,
                       text.size(), text);
}

const std::string pong = "*2\r\n$4\r\npong\r\n$0\r\n\r\n";

struct fixture {
    net::io_context context{1};
    std::vector<std::string> changes;
    std::vector<std::string> events;
    scripted_server server;
    std::unique_ptr<subscriber> listener;

    explicit fixture(std::vector<lines> scripts, subscriber_options options = {})
        : server(context, std::move(scripts)) {
        options.on_change = [this](bool up, std::string_view why) {
            changes.push_back((up ? "up: " : "down: ") + std::string(why));
        };
        options.on_refused = [this](std::string_view channel, std::string_view why) {
            events.push_back(fmt::format("{} refused: {}", channel, why));
        };
        listener =
            std::make_unique<subscriber>(context.get_executor(), server.endpoint(), std::move(options));
        listener->start();
    }

    ~fixture() {
        if (listener) listener->stop();
        server.acceptor.close();
        run_until([] { return false; }, 20ms);
    }

    result<> listen(const std::string& channel) {
        return listener->subscribe(
            channel,
            [this, channel](std::string_view text) { events.push_back(channel + ": " + std::string(text)); },
            [this, channel] { events.push_back(channel + " live"); });
    }

    bool run_until(const std::function<bool()>& done, std::chrono::milliseconds most = 5s) {
        const auto end = steady_clock::now() + most;
        while (!done() && steady_clock::now() < end) {
            context.restart();
            context.run_one_for(10ms);
        }
        return done();
    }
};

using strings = std::vector<std::string>;

}  // namespace

TEST_CASE("redis subscriber: messages come once the server has confirmed", "[persistence]") {
    fixture f({{"+PONG\r\n", message("a", "early") + confirmation("a") + message("a", "1") +
                                 message("b", "foreign") + message("a", "")}});
    REQUIRE(f.listen("a"));
    CHECK_FALSE(f.listener->live("a"));
    REQUIRE(f.run_until([&] { return f.events.size() >= 3; }));
    CHECK(f.events == strings{"a live", "a: 1", "a: "});
    CHECK(f.listener->live("a"));
    CHECK(f.server.reads.at(1) == "*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n");
}

TEST_CASE("redis subscriber: after a loss it subscribes again and says so", "[persistence]") {
    fixture f({{"+PONG\r\n", ""}, {"+PONG\r\n", confirmation("a") + confirmation("b")}});
    REQUIRE(f.listen("a"));
    REQUIRE(f.listen("b"));
    REQUIRE(f.run_until([&] { return f.events.size() >= 2; }));
    CHECK(f.events == strings{"a live", "b live"});
    CHECK(f.changes.at(0) == "up: connected");
    CHECK(f.changes.at(1).starts_with("down: the connection ended"));
    CHECK(f.changes.at(2) == "up: connected");
}

TEST_CASE("redis subscriber: silence ends the connection, an answered ping does not", "[persistence]") {
    fixture silent({{"+PONG\r\n"}}, {.ping_every = 50ms});
    REQUIRE(silent.run_until([&] { return silent.changes.size() >= 2; }));
    CHECK(silent.changes[1] == "down: it has gone silent");

    // "PONG" as long as nothing is subscribed to
    fixture lively({{"+PONG\r\n", "+PONG\r\n", "+PONG\r\n", confirmation("a"), pong, pong}},
                   {.ping_every = 200ms});
    REQUIRE(lively.run_until([&] { return lively.server.reads.size() >= 3; }));
    REQUIRE(lively.listen("a"));
    REQUIRE(lively.run_until([&] { return lively.server.reads.size() >= 6; }));
    CHECK(lively.changes == strings{"up: connected"});
    CHECK(lively.events == strings{"a live"});
}

TEST_CASE("redis subscriber: nonsense ends the connection", "[persistence]") {
    for (const auto& nonsense :
         {std::string("HTTP/1.1 400 Bad Request\r\n"), confirmation("other"), std::string(":1\r\n"), pong,
          confirmation("a") + confirmation("a"), confirmation("a") + "-ERR what\r\n",
          std::string("*3\r\n$7\r\nmessage\r\n:1\r\n:2\r\n"), message("a", std::string(40'000, 'x'))}) {
        INFO(nonsense.substr(0, 50));
        fixture f({{"+PONG\r\n", nonsense}, {"+PONG\r\n", confirmation("a")}},
                  {.message = {.bytes = 1000, .elements = 16}});
        REQUIRE(f.listen("a"));
        REQUIRE(f.run_until([&] { return f.server.accepted == 2 && f.listener->live("a"); }));
    }
}

TEST_CASE("redis subscriber: a refused channel is asked for again and hurts no other", "[persistence]") {
    fixture f({{"+PONG\r\n", "-NOPERM no\r\n" + confirmation("b"), "-NOPERM no\r\n" + pong,
                pong + confirmation("a")}},
              {.ping_every = 100ms});
    REQUIRE(f.listen("a"));
    REQUIRE(f.listen("b"));
    REQUIRE(f.run_until([&] { return f.listener->live("b"); }));
    CHECK_FALSE(f.listener->live("a"));
    CHECK(f.events == strings{"a refused: NOPERM no", "b live"});
}

TEST_CASE("redis subscriber: a callback may end everything", "[persistence]") {
    const auto script = lines{"+PONG\r\n", confirmation("a") + message("a", "1") + message("a", "2")};
    for (const bool destroy : {true, false}) {
        fixture f({script});
        int calls = 0;
        REQUIRE(f.listener->subscribe("a", [&](std::string_view) {
            ++calls;
            if (destroy)
                f.listener.reset();
            else
                f.listener->unsubscribe("a");
        }));
        REQUIRE(f.run_until([&] { return calls > 0; }));
        f.run_until([] { return false; }, 30ms);
        CHECK(calls == 1);
    }
}

TEST_CASE("redis subscriber: a callback that throws gets another chance", "[persistence]") {
    fixture f({{"+PONG\r\n", confirmation("a") + message("a", "1")}});
    int calls = 0;
    REQUIRE(f.listener->subscribe("a", [&](std::string_view) {
        if (++calls == 1) throw std::runtime_error("digestion");
    }));
    REQUIRE(f.run_until([&] { return calls == 2; }));
    CHECK(f.changes.at(1) == "down: a callback failed: digestion");
}

TEST_CASE("redis subscriber: channels are bounded, and taken once", "[persistence]") {
    fixture f({{}}, {.max_channels = 2});
    REQUIRE(f.listen("a"));
    CHECK(f.listen("a").error().code == errc::conflict);
    CHECK(f.listen("").error().code == errc::validation_failed);
    CHECK(f.listen(std::string(subscriber::longest_channel + 1, 'x')).error().code ==
          errc::validation_failed);
    REQUIRE(f.listen("b"));
    CHECK(f.listen("c").error().code == errc::unavailable);
    f.listener->unsubscribe("b");
    f.listener->unsubscribe("unknown");
    CHECK(f.listen("c").has_value());
}

TEST_CASE("redis subscriber: a server that takes questions and gives no answers is not asked for ever",
          "[persistence]") {
    fixture f({{"+PONG\r\n"}}, {.max_channels = 1});
    REQUIRE(f.run_until([&] { return f.listener->connected(); }));
    for (int i = 0; i < 1000 && f.listener->connected(); ++i) {
        REQUIRE(f.listen("a"));
        f.listener->unsubscribe("a");
    }
    CHECK_FALSE(f.listener->connected());
}

TEST_CASE("redis subscriber: stopping leaves nothing to run", "[persistence]") {
    fixture f({{"+PONG\r\n", confirmation("a")}});
    REQUIRE(f.listen("a"));
    REQUIRE(f.run_until([&] { return f.listener->live("a"); }));
    f.listener->stop();
    f.listener->stop();
    f.server.acceptor.close();
    f.context.restart();
    f.context.run_for(2s);
    CHECK(f.context.stopped());
    CHECK_FALSE(f.listener->live("a"));
}
