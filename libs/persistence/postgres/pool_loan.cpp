// SPDX-License-Identifier: Apache-2.0
// Connections that carry a transaction from one statement to the next: the part of the pool that lends them.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "persistence/postgres/pool.hpp"

namespace bulkhead::postgres {

/// Sends an operation for a waiting coroutine; named because GCC 12 must not see it as a lambda in co_await.
struct pool::start_on {
    connection* lent;
    operation* op;
    template <class Handler>
    void operator()(Handler&& handler) {
        op->waiter([h = std::forward<Handler>(handler)]() mutable { std::move(h)(); });
        lent->submit(*op);
    }
};

awaitable<result<pool::loan>> pool::lend(std::span<const query> opening, runtime::deadline limit) {
    const auto most_undone = settings_.per_database + 1;  // each connection can have a stale plan of its own
    bool repeated = false;
    for (std::size_t undone = 0;;) {
        if (auto why = refusal(limit)) {
            if (!closed_) budget_.counted().refused.add();
            co_await net::post(executor_, use_awaitable);
            co_return std::unexpected(std::move(*why));
        }
        operation op(opening, intent::opening);
        co_await carry(op, limit);
        auto lent = op.take_lent();
        if (lent && !op.failed()) co_return loan{std::move(lent), *op.take()};
        if (lent) take_back(std::move(lent), false);
        if (closed_) co_return std::unexpected(*closed_);
        if (op.never_sent()) budget_.counted().timed_out_waiting.add();
        const bool again =
            op.undone() ? ++undone <= most_undone : op.lost() && !std::exchange(repeated, true);
        if (!again || limit.passed()) co_return std::unexpected(op.take().error());
    }
}

awaitable<void> pool::run_on(connection& lent, operation& op, runtime::deadline limit) {
    op.expires_at(limit.at());
    deadlines_.add(op);
    return net::async_initiate<const net::use_awaitable_t<executor>, void()>(start_on{&lent, &op},
                                                                             use_awaitable);
}

void pool::take_back(std::shared_ptr<connection> lent, bool sound) {
    net::post(executor_, [self = shared_from_this(), lent = std::move(lent), sound] {
        lent->take_back();
        if (std::ranges::find(self->connections_, lent) == self->connections_.end()) return;  // it has died
        if (!sound) lent->close();
        self->on_change(*lent);
    });
}

}  // namespace bulkhead::postgres
