// SPDX-License-Identifier: Apache-2.0
// How many PostgreSQL connections this process may use, next to the others that share the server. Every
// process tells Redis every few seconds what it would use at most, and takes the part of the server's room
// that is due to it; one that is silent for a while counts no more. Without Redis the last share stays.
// Belongs to the reactor of its Redis client; destroyed after that reactor has ended, before the client.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include "ops/debug_pools.hpp"
#include "persistence/redis/client.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::service {

struct share_settings {
    unsigned most = 16;  // connections this process can use: its weight among the others
    unsigned room = 90;  // what all of them together may open
    unsigned least = 2;  // it works with no fewer, whatever the others do
    std::string key = "bh:connections";
    std::chrono::milliseconds beat{2'000};
    std::chrono::milliseconds lifetime{10'000};  // of a process that is silent

    /// While it knows of no other.
    [[nodiscard]] unsigned alone() const { return std::max(least, std::min(most, room)); }
};

struct connection_grant {
    unsigned connections = 0;
    unsigned processes = 0;  // that live, this one included; 0: Redis has not answered yet
    unsigned wanted = 0;     // by all of them together
};

/// The part of `room` that is due to one that wants `most` of the `wanted` of all.
[[nodiscard]] unsigned due_share(const share_settings& settings, unsigned wanted);

/// What is left of `connections` for the reactor `index` of `count`: as even as can be, two at least.
[[nodiscard]] std::size_t part_of_reactor(unsigned connections, std::size_t index, std::size_t count);

class connection_share {
public:
    /// `on_change` hears of each new number of connections, on the reactor.
    connection_share(executor where, redis::redis_client& redis, share_settings settings,
                     std::function<void(unsigned connections)> on_change);
    connection_share(const connection_share&) = delete;
    connection_share& operator=(const connection_share&) = delete;

    /// Begins to beat. On the reactor's thread, once.
    void start();

    /// Takes this process off the list and ends the beat. From another thread than the reactor's, while that
    /// runs; waits for Redis for a moment at most.
    void leave();

    /// On the reactor's thread.
    [[nodiscard]] const connection_grant& current() const noexcept { return current_; }
    [[nodiscard]] ops::budget_reason reason() const;

private:
    static awaitable<void> run(connection_share* self);
    static awaitable<void> withdraw(connection_share* self);
    awaitable<void> beat();
    void take(unsigned processes, unsigned wanted);

    executor executor_;
    redis::redis_client& redis_;
    const share_settings settings_;
    const std::function<void(unsigned)> on_change_;
    const std::string name_;  // of this process in the list, with what it wants
    steady_timer timer_;
    connection_grant current_;
    bool may_grow_ = false;
    bool stopped_ = false;
};

}  // namespace bulkhead::service
