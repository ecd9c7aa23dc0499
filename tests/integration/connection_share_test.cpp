// SPDX-License-Identifier: Apache-2.0
// Processes that share one PostgreSQL server, each with its own Redis client; here they are threads.
#include "service/connection_share.hpp"

#include <atomic>
#include <memory>

#include "base/testing/comes_true.hpp"
#include "redis_fixture.hpp"
#include "redis_server.hpp"
#include "runtime/reactor.hpp"

namespace bulkhead::testing {
namespace {

using service::connection_share;
using service::share_settings;

class process {
public:
    process(const redis_endpoint& where, share_settings settings)
        : redis_(home_.get_executor(), where),
          share_(home_.get_executor(), redis_, quick(std::move(settings)),
                 [this](unsigned now) { connections_ = now; }),
          connections_(share_.current().connections) {
        home_.start();
        home_.post([this] {
            redis_.start();
            share_.start();
        });
    }
    ~process() {
        if (!dead_) share_.leave();
        die();
    }
    process(const process&) = delete;
    process& operator=(const process&) = delete;

    /// As kill -9 would have it: without a word.
    void die() {
        dead_ = true;
        home_.stop();
        home_.join();
    }
    [[nodiscard]] unsigned connections() const { return connections_; }

private:
    static share_settings quick(share_settings settings) {
        settings.beat = 100ms;
        settings.lifetime = 1'000ms;
        return settings;
    }

    bool dead_ = false;
    runtime::reactor home_{"process"};
    redis::redis_client redis_;
    connection_share share_;
    std::atomic<unsigned> connections_;
};

template <class Predicate>
bool stays_true(Predicate holds, std::chrono::milliseconds time) {
    return !comes_true([&] { return !holds(); }, time);
}

TEST_CASE("connection share: by weight, never over what it can use, never under the least") {
    CHECK(service::due_share({.most = 40, .room = 90}, 40) == 40);
    CHECK(service::due_share({.most = 40, .room = 90}, 90) == 40);
    CHECK(service::due_share({.most = 40, .room = 90}, 180) == 20);
    CHECK(service::due_share({.most = 40, .room = 90}, 0) == 40);
    CHECK(service::due_share({.most = 40, .room = 90, .least = 4}, 100'000) == 4);
    CHECK(service::due_share({.most = 10'000, .room = 4'000'000'000}, 2'000'000'000) == 10'000);
}

TEST_CASE("connection share: reactors get equal parts") {
    CHECK(service::part_of_reactor(10, 0, 4) == 3);
    CHECK(service::part_of_reactor(10, 1, 4) == 3);
    CHECK(service::part_of_reactor(10, 2, 4) == 2);
    CHECK(service::part_of_reactor(3, 3, 4) == 2);
}

TEST_CASE("connection share: processes agree, and share anew when one leaves or dies", "[integration]") {
    redis_server server;
    const auto where = server.endpoint();
    process first(where, {.most = 60, .room = 90});
    CHECK(first.connections() == 60);
    auto second = std::make_unique<process>(where, share_settings{.most = 60, .room = 90});
    CHECK(comes_true([&] { return first.connections() == 45 && second->connections() == 45; }));
    auto third = std::make_unique<process>(where, share_settings{.most = 30, .room = 90});
    CHECK(comes_true([&] {
        return first.connections() == 36 && second->connections() == 36 && third->connections() == 18;
    }));
    third->die();
    CHECK(comes_true([&] { return first.connections() == 45 && second->connections() == 45; }));
    second.reset();
    CHECK(comes_true([&] { return first.connections() == 60; }, 800ms));  // at once: it said so
}

TEST_CASE("connection share: without Redis the last share stays", "[integration]") {
    redis_server server;
    const auto where = server.endpoint();
    process first(where, {.most = 60, .room = 90}), second(where, {.most = 60, .room = 90});
    CHECK(comes_true([&] { return first.connections() == 45 && second.connections() == 45; }));
    server.kill();
    CHECK(stays_true([&] { return first.connections() == 45 && second.connections() == 45; }, 2s));
    server.start();
    second.die();
    CHECK(comes_true([&] { return first.connections() == 60; }));
}

TEST_CASE("connection share: a Redis that was never there leaves a process what it can use",
          "[integration]") {
    redis_endpoint nowhere;
    nowhere.host = "127.0.0.1";
    nowhere.port = 1;
    process alone(nowhere, {.most = 60, .room = 90});
    CHECK(stays_true([&] { return alone.connections() == 60; }, 500ms));
    process modest(nowhere, {.most = 60, .room = 50});
    CHECK(modest.connections() == 50);
}

}  // namespace
}  // namespace bulkhead::testing
