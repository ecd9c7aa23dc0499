// SPDX-License-Identifier: Apache-2.0
// The subscriber against real servers: restarts, a server that hangs, permissions, a flood.
#include "persistence/redis/subscriber.hpp"

#include "base/testing/certificates.hpp"
#include "redis_fixture.hpp"
#include "redis_server.hpp"

using namespace bulkhead;
using namespace bulkhead::redis;
using namespace bulkhead::testing;

namespace {

struct listener_fixture {
    redis_server server;
    net::io_context context{1};
    std::vector<std::string> changes;
    std::vector<std::string> refusals;
    std::vector<std::string> messages;
    int resubscribed = 0;
    std::unique_ptr<subscriber> listener;

    explicit listener_fixture(redis_server::strings settings = {}, bool tls = false)
        : server(std::move(settings), tls) {}

    ~listener_fixture() {
        if (listener) listener->stop();
        context.restart();
        context.run_for(50ms);
    }

    void listen(redis_endpoint where, subscriber_options options = {}) {
        options.connect_timeout = 10s;
        options.on_change = [this](bool up, std::string_view why) {
            changes.push_back((up ? "up: " : "down: ") + std::string(why));
        };
        options.on_refused = [this](std::string_view, std::string_view why) { refusals.emplace_back(why); };
        listener = std::make_unique<subscriber>(context.get_executor(), std::move(where), std::move(options));
        listener->start();
    }

    void subscribe(const std::string& channel) {
        REQUIRE(listener->subscribe(
            channel, [this](std::string_view text) { messages.emplace_back(text); },
            [this] { ++resubscribed; }));
    }

    bool run_until(const std::function<bool()>& done, std::chrono::milliseconds most = 30s) {
        return testing::run_until(context, done, most);
    }

    /// Publishes `text` and waits until it has come.
    void tell(const std::string& channel, const std::string& text) {
        CHECK(server.admin({"PUBLISH", channel, text}) == "1");
        const auto before = messages.size();
        REQUIRE(run_until([&] { return messages.size() > before; }));
        CHECK(messages.back() == text);
    }
};

}  // namespace

TEST_CASE("redis subscriber: messages of any bytes arrive, until they are not wanted any more",
          "[integration]") {
    listener_fixture f;
    f.listen(f.server.endpoint());
    f.subscribe("bh:test:one");
    REQUIRE(f.run_until([&] { return f.listener->live("bh:test:one"); }));
    CHECK(f.resubscribed == 1);
    f.subscribe("bh:test:two");
    REQUIRE(f.run_until([&] { return f.listener->live("bh:test:two"); }));
    f.tell("bh:test:one", std::string("\0\r\n\xff", 4));
    f.tell("bh:test:two", "");
    f.tell("bh:test:one", std::string(500'000, 'x'));

    f.listener->unsubscribe("bh:test:one");
    REQUIRE(f.run_until([&] { return f.server.admin({"PUBLISH", "bh:test:one", "x"}) == "0"; }));
    f.tell("bh:test:two", "still here");
    f.subscribe("bh:test:one");
    REQUIRE(f.run_until([&] { return f.listener->live("bh:test:one"); }));
    f.tell("bh:test:one", "again");
    CHECK(f.changes == std::vector<std::string>{"up: connected"});
}

TEST_CASE("redis subscriber: a restart of the server is told, and messages come again", "[integration]") {
    listener_fixture f;
    f.listen(f.server.endpoint());
    f.subscribe("bh:test:a");
    f.subscribe("bh:test:b");
    REQUIRE(f.run_until([&] { return f.resubscribed == 2; }));
    for (int round = 2; round <= 3; ++round) {
        f.server.kill();
        REQUIRE(f.run_until([&] { return !f.listener->connected(); }));
        CHECK_FALSE(f.listener->live("bh:test:a"));
        f.listener->unsubscribe("bh:test:b");  // while away
        f.subscribe("bh:test:b");
        f.server.start();
        REQUIRE(f.run_until([&] { return f.resubscribed == 2 * round; }));
        f.tell("bh:test:a", "after");
        f.tell("bh:test:b", "after");
    }
}

TEST_CASE("redis subscriber: a server that hangs is noticed, and told when it is back", "[integration]") {
    listener_fixture f;
    f.listen(f.server.endpoint(), {.ping_every = 300ms});
    f.subscribe("bh:test:a");
    REQUIRE(f.run_until([&] { return f.resubscribed == 1; }));
    f.server.freeze();
    const auto noticed = f.run_until([&] { return f.changes.size() > 1; }, 10s);
    f.server.thaw();
    REQUIRE(noticed);
    CHECK(f.changes.at(1) == "down: it has gone silent");
    REQUIRE(f.run_until([&] { return f.resubscribed == 2; }));
    f.tell("bh:test:a", "after");
}

TEST_CASE("redis subscriber: by default a dead connection is noticed within ten seconds", "[integration]") {
    listener_fixture f;
    f.listen(f.server.endpoint());
    f.subscribe("bh:test:a");
    REQUIRE(f.run_until([&] { return f.resubscribed == 1; }));
    f.server.freeze();
    const auto noticed = f.run_until([&] { return !f.listener->connected(); }, 10s);
    f.server.thaw();
    CHECK(noticed);
}

TEST_CASE("redis subscriber: permissions that come later are used", "[integration]") {
    listener_fixture f({"--user", "listener", "on", ">hush", "+@all", "resetchannels", "&bh:test:mine"});
    auto where = f.server.endpoint();
    where.user = "listener";
    where.password = secret("hush");
    f.listen(std::move(where), {.ping_every = 300ms});
    f.subscribe("bh:test:theirs");
    f.subscribe("bh:test:mine");
    REQUIRE(f.run_until([&] { return f.listener->live("bh:test:mine"); }));
    CHECK_FALSE(f.listener->live("bh:test:theirs"));
    REQUIRE(f.refusals.size() == 1);
    CHECK(f.refusals[0].starts_with("NOPERM"));
    f.tell("bh:test:mine", "hello");

    f.server.admin({"ACL", "SETUSER", "listener", "&bh:test:theirs"});
    REQUIRE(f.run_until([&] { return f.listener->live("bh:test:theirs"); }));
    f.tell("bh:test:theirs", "hello");
    CHECK(f.refusals.size() == 1);
}

TEST_CASE("redis subscriber: a flood arrives whole and in order", "[integration]") {
    listener_fixture f;
    f.listen(f.server.endpoint());
    f.subscribe("bh:test:flood");
    REQUIRE(f.run_until([&] { return f.resubscribed == 1; }));
    f.server.admin(
        {"EVAL", "for i = 1, 20000 do redis.call('PUBLISH', KEYS[1], i) end", "1", "bh:test:flood"});
    REQUIRE(f.run_until([&] { return f.messages.size() == 20000; }));
    for (std::size_t i = 0; i < f.messages.size(); ++i)
        if (f.messages[i] != std::to_string(i + 1)) FAIL("out of order at " << i);
    CHECK(f.resubscribed == 1);
}

TEST_CASE("redis subscriber: over TLS, through a restart", "[integration]") {
    temporary_directory folder;
    certificate_authority authority(folder.path());
    const auto files = authority.sign("DNS:localhost");
    listener_fixture f({"--tls-cert-file", files.certificate, "--tls-key-file", files.key,
                        "--tls-ca-cert-file", authority.ca_file(), "--tls-auth-clients", "no"},
                       true);
    f.listen(
        {.host = "localhost", .port = f.server.tls_port(), .tls = true, .tls_ca_file = authority.ca_file()});
    f.subscribe("bh:test:a");
    REQUIRE(f.run_until([&] { return f.resubscribed == 1; }));
    f.tell("bh:test:a", std::string(500'000, 'x'));
    f.server.kill();
    REQUIRE(f.run_until([&] { return !f.listener->connected(); }));
    f.server.start();
    REQUIRE(f.run_until([&] { return f.resubscribed == 2; }));
    f.tell("bh:test:a", "after");
}
