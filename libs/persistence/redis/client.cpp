// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <utility>

#include "persistence/redis/link.hpp"
#include "runtime/backoff.hpp"

namespace bulkhead::redis {

/// Keeps one live link: makes a new one whenever the last has ended.
class redis_client::supervisor {
public:
    supervisor(executor where, redis_endpoint endpoint, redis_client_options options)
        : executor_(where), endpoint_(std::move(endpoint)), options_(std::move(options)), pause_(where) {}

    static awaitable<> run(std::shared_ptr<supervisor> self) {
        runtime::backoff delay(self->options_.reconnect_first, self->options_.reconnect_most);
        while (!self->stopped_) {
            self->link_ = std::make_shared<redis_link>(self->executor_, self->endpoint_, self->options_);
            const auto opened = co_await self->link_->open();
            if (opened) {
                delay.reset();
                self->announce(true, "connected");
                co_await self->link_->serve();
            }
            if (!self->stopped_) self->announce(false, self->link_->why_closed());
            if (self->stopped_) co_return;  // perhaps by whom it was announced to
            self->pause_.expires_after(delay.next());
            co_await self->pause_.async_wait(use_tuple);
        }
    }

    void stop() {
        stopped_ = true;
        pause_.cancel();
        if (link_) link_->close("the client was stopped");
    }

    [[nodiscard]] const executor& get_executor() const noexcept { return executor_; }
    [[nodiscard]] const std::shared_ptr<redis_link>& link() const noexcept { return link_; }

private:
    void announce(bool up, std::string_view why) const {
        if (options_.on_change) options_.on_change(up, why);
    }

    executor executor_;
    redis_endpoint endpoint_;
    redis_client_options options_;
    steady_timer pause_;
    std::shared_ptr<redis_link> link_;
    bool stopped_ = false;
};

redis_client::redis_client(executor where, redis_endpoint endpoint, redis_client_options options)
    : supervisor_(std::make_shared<supervisor>(where, std::move(endpoint), std::move(options))) {}

redis_client::~redis_client() { stop(); }

void redis_client::start() {
    net::co_spawn(supervisor_->get_executor(), supervisor::run(supervisor_), net::detached);
}

void redis_client::stop() { supervisor_->stop(); }

bool redis_client::connected() const noexcept { return supervisor_->link() && supervisor_->link()->is_up(); }

awaitable<result<redis_reply>> redis_client::raw_command(std::vector<std::string> argv,
                                                         std::chrono::milliseconds limit) {
    return redis_link::command(supervisor_->link(), std::move(argv), limit);
}

awaitable<result<redis_reply>> redis_client::command(std::vector<std::string> argv,
                                                     std::chrono::milliseconds limit) {
    auto reply = co_await raw_command(std::move(argv), limit);
    if (reply && reply->error()) co_return std::unexpected(to_error(*reply->error()));
    co_return reply;
}

}  // namespace bulkhead::redis
