// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/client.hpp"

#include <iterator>
#include <utility>

#include "persistence/redis/keeper.hpp"
#include "persistence/redis/link.hpp"

namespace bulkhead::redis {

/// Gives every connection a link of its own.
class redis_client::supervisor final : public redis_keeper {
public:
    supervisor(executor where, redis_endpoint endpoint, redis_client_options options)
        : redis_keeper(where, std::move(endpoint),
                       {.connection = {.connect_timeout = options.connect_timeout,
                                       .max_unsent_bytes = options.max_unsent_bytes,
                                       .reply = options.reply},
                        .reconnect_first = options.reconnect_first,
                        .reconnect_most = options.reconnect_most,
                        .on_change = std::move(options.on_change)}),
          max_waiting_(options.max_waiting) {}

    [[nodiscard]] const std::shared_ptr<redis_link>& link() const noexcept { return link_; }

private:
    void adopt(const std::shared_ptr<redis_connection>& connection) override {
        link_ = std::make_shared<redis_link>(get_executor(), connection, max_waiting_);
    }

    awaitable<> serve() override { return link_->serve(); }

    std::size_t max_waiting_;
    std::shared_ptr<redis_link> link_;
};

redis_client::redis_client(executor where, redis_endpoint endpoint, redis_client_options options)
    : supervisor_(std::make_shared<supervisor>(where, std::move(endpoint), std::move(options))) {}

redis_client::~redis_client() { stop(); }

void redis_client::start() { supervisor_->start(); }

void redis_client::stop() { supervisor_->stop(); }

bool redis_client::connected() const noexcept { return supervisor_->connected(); }

awaitable<result<redis_reply>> redis_client::raw_command(std::vector<std::string> argv,
                                                         std::chrono::milliseconds limit) {
    std::string bytes;
    append_redis_command(bytes, argv);
    auto replies = co_await redis_link::ask(supervisor_->link(), std::move(bytes), 1, limit);
    if (!replies) co_return std::unexpected(std::move(replies).error());
    co_return std::move(replies->front());
}

awaitable<result<redis_reply>> redis_client::command(std::vector<std::string> argv,
                                                     std::chrono::milliseconds limit) {
    auto reply = co_await raw_command(std::move(argv), limit);
    if (reply && reply->error()) co_return std::unexpected(to_error(*reply->error()));
    co_return reply;
}

awaitable<result<std::vector<redis_reply>>> redis_client::commands(
    std::vector<std::vector<std::string>> batch, std::chrono::milliseconds limit) {
    if (batch.empty()) co_return std::vector<redis_reply>{};
    std::string bytes;
    for (const auto& argv : batch) append_redis_command(bytes, argv);
    co_return co_await redis_link::ask(supervisor_->link(), std::move(bytes), batch.size(), limit);
}

awaitable<result<redis_reply>> redis_client::run(const script& what, std::vector<std::string> keys,
                                                 std::vector<std::string> arguments,
                                                 std::chrono::milliseconds limit) {
    const auto end = steady_clock::now() + limit;
    std::vector<std::string> argv{"EVALSHA", what.sha1(), std::to_string(keys.size())};
    argv.reserve(argv.size() + keys.size() + arguments.size());
    std::ranges::move(keys, std::back_inserter(argv));
    std::ranges::move(arguments, std::back_inserter(argv));

    auto reply = co_await raw_command(argv, limit);
    if (reply && reply->error() && reply->error()->kind == redis_error_kind::noscript) {
        argv[0] = "EVAL";  // the server keeps it from now on
        argv[1] = what.source();
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now());
        reply = co_await raw_command(std::move(argv), left);
    }
    if (reply && reply->error()) co_return std::unexpected(to_error(*reply->error()));
    co_return reply;
}

}  // namespace bulkhead::redis
