// SPDX-License-Identifier: Apache-2.0
// A client, the context that it runs on, and what it told of its connections. For tests: on their thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "persistence/redis/client.hpp"

namespace bulkhead::redis::testing {

struct client_run {
    net::io_context context{1};
    std::vector<std::string> changes;
    std::unique_ptr<redis_client> client;

    void begin(redis_endpoint endpoint, redis_client_options options = {}) {
        options.on_change = [this](bool up, std::string_view why) {
            changes.push_back((up ? "up: " : "down: ") + std::string(why));
        };
        client =
            std::make_unique<redis_client>(context.get_executor(), std::move(endpoint), std::move(options));
        client->start();
    }

    bool run_until(const std::function<bool()>& done,
                   std::chrono::milliseconds most = std::chrono::seconds{5}) {
        const auto end = steady_clock::now() + most;
        while (!done() && steady_clock::now() < end) {
            context.restart();
            context.run_one_for(std::chrono::milliseconds{10});
        }
        return done();
    }

    bool run_until_connected() {
        return run_until([this] { return client->connected(); });
    }
};

}  // namespace bulkhead::redis::testing
