// SPDX-License-Identifier: Apache-2.0
// A Redis client on an io_context that the test's own thread runs.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <charconv>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/testing/catch.hpp"
#include "persistence/redis/client.hpp"
#include "support/servers.hpp"

namespace bulkhead::testing {

using namespace std::chrono_literals;
using redis::redis_endpoint;
using redis::redis_reply;

/// redis://:<password>@<host>:<port>/<database>
inline redis_endpoint endpoint_of(std::string_view url) {
    redis_endpoint out;
    const auto password = url.find("://:") + 4;
    const auto host = url.find('@') + 1;
    const auto port = url.find(':', host) + 1;
    out.password = secret(std::string(url.substr(password, host - 1 - password)));
    out.host = url.substr(host, port - 1 - host);
    std::from_chars(url.data() + port, url.data() + url.size(), out.port);
    return out;
}

inline redis_endpoint shared_redis() { return endpoint_of(shared_servers().redis_url()); }

/// Runs the context until something holds; false when it did not happen in time.
inline bool run_until(net::io_context& context, const std::function<bool()>& done,
                      std::chrono::milliseconds most = 30s) {
    const auto end = steady_clock::now() + most;
    bool held = done();
    for (; !held && steady_clock::now() < end; held = done()) {
        context.restart();
        context.run_one_for(10ms);
    }
    return held;
}

struct redis_fixture {
    net::io_context context{1};
    std::vector<std::string> changes;
    redis::redis_client client;

    explicit redis_fixture(redis_endpoint endpoint, redis::redis_client_options options = {})
        : client(context.get_executor(), std::move(endpoint), noted(std::move(options))) {
        client.start();
    }

    ~redis_fixture() {
        client.stop();
        context.restart();
        context.run_for(100ms);
    }

    /// Slow machines connect at their first attempt too, unless the test is about the timeout.
    redis::redis_client_options noted(redis::redis_client_options options) {
        if (options.connect_timeout == redis::redis_client_options{}.connect_timeout)
            options.connect_timeout = 10s;
        options.on_change = [this](bool up, std::string_view why) {
            changes.push_back((up ? "up: " : "down: ") + std::string(why));
        };
        return options;
    }

    bool run_until(const std::function<bool()>& done, std::chrono::milliseconds most = 30s) {
        return testing::run_until(context, done, most);
    }

    void run_for(std::chrono::milliseconds time) {
        run_until([] { return false; }, time);
    }

    bool run_until_connected() {
        return run_until([this] { return client.connected(); });
    }

    /// Whether a change beginning with this comes, after those that were there before.
    bool run_until_changed(std::string_view text) {
        const auto before = changes.size();
        return run_until([&] {
            for (auto i = before; i < changes.size(); ++i)
                if (changes[i].starts_with(text)) return true;
            return false;
        });
    }

    template <class T>
    using slot = std::shared_ptr<std::optional<result<T>>>;
    using answer = slot<redis_reply>;

    template <class T>
    static awaitable<> keep(awaitable<result<T>> asked, slot<T> into) {
        auto got = co_await std::move(asked);
        into->emplace(std::move(got));
    }

    template <class T>
    slot<T> begin(awaitable<result<T>> asked) {
        auto into = std::make_shared<std::optional<result<T>>>();
        net::co_spawn(context.get_executor(), keep(std::move(asked), into), net::detached);
        return into;
    }

    answer begin(std::vector<std::string> argv, std::chrono::milliseconds limit = 10s) {
        return begin(client.command(std::move(argv), limit));
    }

    template <class T>
    result<T> wait(awaitable<result<T>> asked) {
        const auto into = begin(std::move(asked));
        REQUIRE(run_until([&] { return into->has_value(); }));
        return std::move(**into);
    }

    result<redis_reply> ask(std::vector<std::string> argv, std::chrono::milliseconds limit = 10s) {
        return wait(client.command(std::move(argv), limit));
    }

    /// The kind of the error reply, of a command that must have one.
    redis::redis_error_kind refusal(std::vector<std::string> argv) {
        const auto reply = wait(client.raw_command(std::move(argv), 10s));
        REQUIRE(reply.has_value());
        REQUIRE(reply->error());
        return reply->error()->kind;
    }
};

}  // namespace bulkhead::testing
