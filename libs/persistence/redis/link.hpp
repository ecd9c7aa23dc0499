// SPDX-License-Identifier: Apache-2.0
// Questions and answers over one connection: replies come in the order of the commands. It lives and ends
// with its connection, so that a late reply can only meet its own link. Private to this library; one thread;
// shared with the commands under way.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "persistence/redis/connection.hpp"
#include "persistence/redis/reply.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::redis {

class redis_link {
public:
    redis_link(executor where, std::shared_ptr<redis_connection> connection, std::size_t max_waiting);

    /// Hands replies to those who wait, until the connection ends; then whoever still waits gets
    /// errc::unavailable.
    awaitable<> serve();

    /// Sends `count` encoded commands in one piece and waits for all of their replies; see
    /// redis_client::commands. `link` may be null or at its end.
    static awaitable<result<std::vector<redis_reply>>> ask(std::shared_ptr<redis_link> link,
                                                           std::string commands, std::size_t count,
                                                           std::chrono::milliseconds limit);

    /// Replies are missing.
    [[nodiscard]] bool busy() const noexcept { return waiting_ > 0; }

private:
    struct waiter {
        waiter(executor where, std::size_t expected) : alarm(where), missing(expected) {}
        steady_timer alarm;  // its cancellation says that nothing is missing, or nothing more will come
        std::size_t missing;
        std::vector<redis_reply> replies;
        bool lost = false;
    };

    void deliver_replies();

    executor executor_;
    std::shared_ptr<redis_connection> connection_;
    std::size_t max_waiting_;
    std::size_t waiting_ = 0;                      // replies that are still missing
    std::deque<std::shared_ptr<waiter>> waiters_;  // in the order of their commands
};

}  // namespace bulkhead::redis
