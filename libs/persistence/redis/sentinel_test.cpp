// SPDX-License-Identifier: Apache-2.0
// The client and sentinels that lie, are lost or know nothing, played by scripts. Real ones are in
// tests/integration/redis_sentinel_test.cpp.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <functional>
#include <memory>

#include "base/testing/catch.hpp"
#include "persistence/redis/client.hpp"
#include "persistence/redis/identity.hpp"
#include "persistence/redis/testing/client_run.hpp"
#include "persistence/redis/testing/scripted_server.hpp"

using namespace bulkhead;
using namespace bulkhead::redis;
using bulkhead::redis::testing::lines;
using bulkhead::redis::testing::scripted_server;
using namespace std::chrono_literals;

namespace {

const std::string primary = "+PONG\r\n*3\r\n$6\r\nmaster\r\n:7\r\n*0\r\n";
const std::string replica = "+PONG\r\n*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:7\r\n";

std::string names(const scripted_server& server) {
    const auto port = std::to_string(server.acceptor.local_endpoint().port());
    return "+PONG\r\n*2\r\n$9\r\n127.0.0.1\r\n$" + std::to_string(port.size()) + "\r\n" + port + "\r\n";
}

struct fixture : redis::testing::client_run {
    std::vector<std::unique_ptr<scripted_server>> servers;
    std::vector<redis_identity> identities;

    ~fixture() {
        if (client) client->stop();
        for (const auto& each : servers) each->acceptor.close();
        run_until([] { return false; }, 20ms);
    }

    scripted_server& play(std::vector<lines> scripts) {
        return *servers.emplace_back(std::make_unique<scripted_server>(context, std::move(scripts)));
    }

    redis_endpoint endpoint(const std::vector<scripted_server*>& sentinels) {
        redis_endpoint out;
        for (auto* each : sentinels)
            out.seeds.push_back({"127.0.0.1", each->acceptor.local_endpoint().port()});
        out.service = "main";
        return out;
    }
};

}  // namespace

TEST_CASE("redis sentinel: the primary is the one they name, with credentials of its own", "[persistence]") {
    fixture f;
    auto& node = f.play({lines{"+OK\r\n+OK\r\n" + primary}});
    auto& sentinel = f.play({lines{"+OK\r\n" + names(node)}});
    auto endpoint = f.endpoint({&sentinel});
    endpoint.password = secret("hush");
    endpoint.database = 3;
    endpoint.sentinel_user = "watch";
    endpoint.sentinel_password = secret("other");
    f.begin(endpoint);
    REQUIRE(f.run_until_connected());
    CHECK(sentinel.reads.at(0) ==
          "*3\r\n$4\r\nAUTH\r\n$5\r\nwatch\r\n$5\r\nother\r\n*1\r\n$4\r\nPING\r\n"
          "*3\r\n$8\r\nSENTINEL\r\n$23\r\nGET-MASTER-ADDR-BY-NAME\r\n$4\r\nmain\r\n");
    CHECK(node.reads.at(0) ==
          "*2\r\n$4\r\nAUTH\r\n$4\r\nhush\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
          "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nROLE\r\n");
    CHECK(f.changes.at(0) == "up: connected to " + to_text({"127.0.0.1", node.endpoint().port}));
}

TEST_CASE("redis sentinel: one that is away, ignorant or out of date gives way to the next",
          "[persistence]") {
    fixture f;
    auto& yesterday = f.play({lines{replica}});
    auto& node = f.play({lines{primary}});
    auto& ignorant = f.play({lines{"+PONG\r\n*-1\r\n"}});
    auto& late = f.play({lines{names(yesterday)}});
    auto& good = f.play({lines{names(node)}});
    auto& gone = f.play({lines{}});
    auto endpoint = f.endpoint({&gone, &ignorant, &late, &good});
    gone.acceptor.close();
    f.begin(endpoint);
    REQUIRE(f.run_until_connected());
    CHECK(f.changes.at(0).ends_with("it is not the primary: its role is slave"));
    CHECK(f.changes.back() == "up: connected to " + to_text({"127.0.0.1", node.endpoint().port}));
    CHECK(ignorant.accepted == 1);  // who has answered is asked first
}

TEST_CASE("redis sentinel: what they say is told when nobody names a primary", "[persistence]") {
    fixture f;
    auto& sentinel =
        f.play({lines{"+PONG\r\n*-1\r\n"}, lines{"-NOAUTH Authentication required.\r\n"},
                lines{"+PONG\r\n-NOPERM no\r\n"}, lines{"+PONG\r\n*2\r\n$1\r\nh\r\n$1\r\nx\r\n"}, lines{""}});
    f.begin(f.endpoint({&sentinel}), {.reconnect_first = 1ms, .reconnect_most = 1ms});
    REQUIRE(f.run_until([&] { return f.changes.size() >= 5; }));
    const auto at = to_text({"127.0.0.1", sentinel.endpoint().port});
    const auto start = "down: no sentinel names the primary: " + at;
    CHECK(f.changes[0] == start + " does not know the service");
    CHECK(f.changes[1] == start + ": it refused us: NOAUTH Authentication required.");
    CHECK(f.changes[2] == start + " refused to name the primary: NOPERM no");
    CHECK(f.changes[3] == start + " does not answer as a sentinel does");
    CHECK(f.changes[4].starts_with(start + ": the connection ended"));
    CHECK_FALSE(f.client->connected());
}

TEST_CASE("redis sentinel: a primary that may not tell its role is not trusted", "[persistence]") {
    fixture f;
    auto& node = f.play({lines{"+PONG\r\n-NOPERM this user has no permissions\r\n"}});
    auto& sentinel = f.play({lines{names(node)}});
    f.begin(f.endpoint({&sentinel}));
    REQUIRE(f.run_until([&] { return !f.changes.empty(); }));
    CHECK(f.changes[0].find("it refused to tell its role: NOPERM") != std::string::npos);
}

TEST_CASE("redis identity: told with each connection, empty when the server does not tell", "[persistence]") {
    fixture f;
    const std::string info =
        "$28\r\n# Server\r\nrun_id:abc\r\nx:yy\r\n\r\n$23\r\nmaster_replid:0123456\r\n\r\n";
    auto& node = f.play({lines{"+PONG\r\n" + info, ""}, lines{"+PONG\r\n-NOPERM x\r\n-NOPERM x\r\n"}});
    redis_client_options options;
    options.on_identity = [&](const redis_identity& who) { f.identities.push_back(who); };
    f.begin(node.endpoint(), std::move(options));
    REQUIRE(f.run_until_connected());
    const auto poke = [](redis_client& client) -> awaitable<> {
        std::vector<std::string> ping{"PING"};
        co_await client.command(std::move(ping));
    };
    net::co_spawn(f.context.get_executor(), poke(*f.client), net::detached);
    REQUIRE(f.run_until([&] { return f.identities.size() == 2; }));
    const auto at = to_text({"127.0.0.1", node.endpoint().port});
    CHECK(f.identities[0] == redis_identity{at, "abc", "0123456"});
    CHECK(f.identities[1] == redis_identity{at, "", ""});
}

TEST_CASE("redis identity: lines of INFO", "[persistence]") {
    CHECK(info_value("a:1\r\nab:2\r\n", "ab") == "2");
    CHECK(info_value("ab:2", "a").empty());
    CHECK(info_value("a:", "a").empty());
    CHECK(info_value("", "a").empty());
    CHECK(info_value("b:1\r\na:x:y", "a") == "x:y");
}
