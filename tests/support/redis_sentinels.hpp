// SPDX-License-Identifier: Apache-2.0
// Two redis-servers, one following the other, and three sentinels that watch them: real processes of a test's
// own, to be killed. They end with the test program however that ends. Blocks; throws std::runtime_error.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "integration/redis_server.hpp"

namespace bulkhead::testing {

/// Asks `done` until it says yes.
inline void wait_until(const std::string& what, const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!done()) {
        if (std::chrono::steady_clock::now() > end) throw std::runtime_error("in vain: " + what);
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

class redis_sentinels {
public:
    static constexpr auto password = "hush";            // of the servers
    static constexpr auto sentinel_password = "watch";  // of the sentinels
    static constexpr auto service = "main";

    /// Returns when the sentinels know each other and the replica follows.
    redis_sentinels() {
        const auto primary_port = std::to_string(node(0).port());
        node(1).admin({"REPLICAOF", "127.0.0.1", primary_port}, password);
        wait_until("the replica follows", [this] {
            return node(1).admin({"INFO", "replication"}, password).find("master_link_status:up") !=
                   std::string::npos;
        });
        for (int i = 0; i < 3; ++i) sentinels_.push_back(watch(primary_port));
        wait_until("the sentinels agree", [this] {
            for (const auto& each : sentinels_)
                if (each->admin({"INFO", "sentinel"}, sentinel_password).find(",slaves=1,sentinels=3") ==
                    std::string::npos)
                    return false;
            return true;
        });
    }

    [[nodiscard]] redis_server& node(std::size_t n) { return *nodes_.at(n); }
    [[nodiscard]] redis_server& sentinel(std::size_t n) { return *sentinels_.at(n); }

    /// Which of the two sentinel `n` takes for the primary.
    [[nodiscard]] std::size_t primary_says(std::size_t n) {
        const auto info = sentinel(n).admin({"INFO", "sentinel"}, sentinel_password);
        return info.find(fmt::format(":{},", node(0).port())) != std::string::npos ? 0 : 1;
    }

    /// "master" or "slave"; "" while a sentinel throws everybody out.
    [[nodiscard]] std::string role(std::size_t n) {
        try {
            return node(n).admin({"ROLE"}, password);
        } catch (const std::runtime_error&) {
            return {};
        }
    }

    [[nodiscard]] redis::redis_endpoint endpoint() const {
        redis::redis_endpoint out;
        out.password = secret(password);
        for (const auto& each : sentinels_) out.seeds.push_back({"127.0.0.1", each->port()});
        out.service = service;
        out.sentinel_password = secret(sentinel_password);
        return out;
    }

private:
    /// With a file, so that a server that was killed comes back in the role that the sentinels gave it.
    static std::unique_ptr<redis_server> serve() {
        return std::make_unique<redis_server>(
            redis_server::strings{"--requirepass", password, "--masterauth", password}, false,
            "repl-diskless-sync-delay 0\n");
    }

    /// A sentinel that is in more of a hurry than one in production, and patient with a busy machine.
    static std::unique_ptr<redis_server> watch(const std::string& primary_port) {
        const std::string lines = fmt::format(
            "sentinel monitor {0} 127.0.0.1 {1} 2\n"
            "sentinel auth-pass {0} {2}\n"
            "sentinel down-after-milliseconds {0} 1000\n"
            "sentinel failover-timeout {0} 3000\n"
            "sentinel sentinel-pass {3}\n"
            "requirepass {3}\n",
            service, primary_port, password, sentinel_password);
        auto out = std::make_unique<redis_server>(redis_server::strings{"--sentinel"}, false, lines);
        // Not ping-period: a replica is no candidate when its last answers are five periods old.
        out->admin({"SENTINEL", "DEBUG", "info-period", "200", "ask-period", "200", "publish-period", "200",
                    "tilt-trigger", "30000"},
                   sentinel_password);
        return out;
    }

    std::vector<std::unique_ptr<redis_server>> make_nodes() {
        std::vector<std::unique_ptr<redis_server>> out;
        for (int i = 0; i < 2; ++i) out.push_back(serve());
        return out;
    }

    std::vector<std::unique_ptr<redis_server>> nodes_ = make_nodes();
    std::vector<std::unique_ptr<redis_server>> sentinels_;
};

}  // namespace bulkhead::testing
