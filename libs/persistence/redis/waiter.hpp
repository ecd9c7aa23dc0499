// SPDX-License-Identifier: Apache-2.0
// Waits for members of sorted sets (BZPOPMIN) on connections of its own, so that nobody's commands stand in
// line behind a command that blocks. Made for wake-ups, not for work: what was popped when the connection or
// the process ended is lost. It reconnects for ever. All of it runs on the executor's thread; destroy it
// before its io_context.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "persistence/redis/endpoint.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::redis {

struct waiter_options {
    std::chrono::milliseconds connect_timeout{1000};  // name, connection, TLS, AUTH, SELECT and PING together
    std::chrono::milliseconds reconnect_first{50};    // waits between attempts double, with jitter, …
    std::chrono::milliseconds reconnect_most{2000};   // … up to this
    /// How much later than it should the server may say that nothing came, before it is given up.
    std::chrono::milliseconds margin{1000};
    /// Called when all connections are up, when one is lost, and after each attempt that failed; `why` is for
    /// logs and holds no secret.
    std::function<void(bool up, std::string_view why)> on_change{};
};

class waiter {
public:
    struct popped {
        std::string key;
        std::string member;
        double score = 0;
    };

    /// `keys`, at least one: earlier ones go first. In a cluster those of one slot share a connection to the
    /// node that serves it, each slot has another one.
    waiter(executor where, redis_endpoint endpoint, std::vector<std::string> keys,
           waiter_options options = {});
    /// Stops.
    ~waiter();
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;

    /// Begins to connect, and keeps trying. Call once.
    void start();

    /// Closes; whoever waits gets errc::unavailable. For good, and safe to call twice.
    void stop();

    /// All of its connections are up.
    [[nodiscard]] bool connected() const noexcept;

    /// The member with the lowest score of the first key that has one, taken out of its set; waits for one to
    /// be added, for `patience` at most, then nullopt. While the server is away it waits for that too, so a
    /// loop around it does not spin. errc::unavailable: a connection was lost while it waited, at once, since
    /// whatever wakes us may have been lost with it; or none came up in time. errc::deadline_exceeded: the
    /// server has not answered for `margin` longer than asked. errc::internal: a key is no sorted set.
    /// errc::conflict: somebody waits already.
    /// In a cluster with keys of several slots a member may also be taken while nobody waits, until the
    /// patience of the call before is over: the next call gets it.
    awaitable<result<std::optional<popped>>> pop(std::chrono::milliseconds patience);

private:
    class state;

    std::shared_ptr<state> state_;  // shared with its coroutines
};

}  // namespace bulkhead::redis
