// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/keeper.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <utility>

#include "runtime/backoff.hpp"

namespace bulkhead::redis {

redis_keeper::redis_keeper(executor where, redis_endpoint endpoint, redis_keeper_options options)
    : executor_(where),
      endpoint_(std::move(endpoint)),
      tls_(endpoint_.tls_ca_file),
      options_(std::move(options)),
      pause_(where) {}

void redis_keeper::start() { net::co_spawn(executor_, run(shared_from_this()), net::detached); }

void redis_keeper::stop() {
    stopped_ = true;
    pause_.cancel();
    if (connection_) connection_->close("the client was stopped");
}

awaitable<> redis_keeper::run(std::shared_ptr<redis_keeper> self) {
    runtime::backoff delay(self->options_.reconnect_first, self->options_.reconnect_most);
    while (!self->stopped_) {
        self->connection_ = std::make_shared<redis_connection>(self->executor_, self->endpoint_, self->tls_,
                                                               self->options_.connection);
        const auto opened = co_await self->connection_->open();
        if (opened) {
            const auto since = steady_clock::now();
            self->adopt(self->connection_);
            self->announce(true, "connected");
            co_await self->serve();
            // A server that lets us in and throws us out again is not asked at full speed.
            if (steady_clock::now() - since >= self->options_.reconnect_most) delay.reset();
        }
        if (!self->stopped_) self->announce(false, self->connection_->why_closed());
        if (self->stopped_) co_return;  // perhaps by whom it was announced to
        self->pause_.expires_after(delay.next());
        co_await self->pause_.async_wait(use_tuple);
    }
}

void redis_keeper::announce(bool up, std::string_view why) const {
    if (options_.on_change) options_.on_change(up, why);
}

}  // namespace bulkhead::redis
