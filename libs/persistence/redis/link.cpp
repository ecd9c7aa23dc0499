// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/link.hpp"

#include <utility>

namespace bulkhead::redis {

redis_link::redis_link(executor where, std::shared_ptr<redis_connection> connection, std::size_t max_waiting)
    : executor_(where), connection_(std::move(connection)), max_waiting_(max_waiting) {}

awaitable<> redis_link::serve() {
    bool more = true;
    while (more) {
        deliver_replies();
        more = co_await connection_->read_some();
    }
    for (const auto& waiting : std::exchange(waiters_, {})) {
        waiting->lost = true;
        waiting->alarm.cancel();
    }
}

void redis_link::deliver_replies() {
    std::string must_end;
    while (auto reply = connection_->next()) {
        if (waiters_.empty())  // from here on no reply can be trusted to belong to its command
            return connection_->close("it answered a question that was not asked");
        if (const auto* refusal = reply->error(); refusal && needs_new_connection(refusal->kind))
            must_end = refusal->message;
        auto& first = *waiters_.front();
        first.replies.push_back(std::move(*reply));
        --waiting_;
        if (--first.missing > 0) continue;
        first.alarm.cancel();
        waiters_.pop_front();
    }
    if (!must_end.empty()) connection_->close("it does not serve us any more: " + must_end);
}

awaitable<result<std::vector<redis_reply>>> redis_link::ask(std::shared_ptr<redis_link> link,
                                                            std::string commands, std::size_t count,
                                                            std::chrono::milliseconds limit) {
    if (!link || !link->connection_->is_up()) co_return fail(errc::unavailable, "The cache is away.");
    if (limit.count() <= 0) co_return fail(errc::deadline_exceeded, "No time was left to ask the cache.");
    if (count > link->max_waiting_ - link->waiting_ || !link->connection_->send(commands))
        co_return fail(errc::unavailable, "Too many requests wait for the cache.");
    std::string().swap(commands);  // they have been taken over; the wait may be long

    const auto self = std::make_shared<waiter>(link->executor_, count);
    link->waiters_.push_back(self);
    link->waiting_ += count;
    self->alarm.expires_after(limit);
    const auto [stirred] = co_await self->alarm.async_wait(use_tuple);
    if (self->missing == 0) co_return std::move(self->replies);
    if (self->lost) co_return fail(errc::unavailable, "The connection to the cache was lost.");
    // Cancelled by our caller: the waiter keeps its place in the line and swallows its replies.
    if (stirred) co_return fail(errc::unavailable, "The question to the cache was given up.");
    link->connection_->close("a command had no answer in time");
    co_return fail(errc::deadline_exceeded, "The cache did not answer in time.");
}

}  // namespace bulkhead::redis
