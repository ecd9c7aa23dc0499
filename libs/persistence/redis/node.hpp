// SPDX-License-Identifier: Apache-2.0
// A kept connection for questions and answers, each one with a link of its own, and how to wait for it.
// Private to this library; one thread; shared with its own coroutine and those who wait.
#pragma once

#include <list>
#include <memory>

#include "persistence/redis/keeper.hpp"
#include "persistence/redis/link.hpp"

namespace bulkhead::redis {

class redis_node final : public redis_keeper {
public:
    redis_node(executor where, redis_endpoint endpoint, redis_keeper_options options,
               std::size_t max_waiting);

    /// For redis_link::ask; null before the first connection.
    [[nodiscard]] const std::shared_ptr<redis_link>& link() const noexcept { return link_; }

    /// Its first attempt to connect has ended, one way or the other.
    [[nodiscard]] bool tried() const noexcept { return tried_; }

    /// Nobody waits for it, nor for an answer of it.
    [[nodiscard]] bool idle() const noexcept { return waiting_.empty() && (!link_ || !link_->busy()); }

    /// Waits until a connection comes up, an attempt fails or the connection ends, at most until `end`.
    static awaitable<> wait_for_change(std::shared_ptr<redis_node> node, steady_clock::time_point end);

    /// Ends the connection; the next one may be to another server.
    void drop(std::string_view why);

    /// Closes, for good, and ends all waiting.
    void retire();

private:
    void adopt(const std::shared_ptr<redis_connection>& connection) override;
    awaitable<> serve() override { return link_->serve(); }
    void lose() override { stir(); }
    void stir();

    std::size_t max_waiting_;
    std::shared_ptr<redis_link> link_;
    std::list<steady_timer*> waiting_;
    bool tried_ = false;
};

}  // namespace bulkhead::redis
