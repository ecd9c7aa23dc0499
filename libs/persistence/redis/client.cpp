// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/client.hpp"

#include <iterator>
#include <utility>

#include "persistence/redis/keeper.hpp"
#include "persistence/redis/link.hpp"

namespace bulkhead::redis {
namespace {

/// Named after the OpenTelemetry conventions for databases. Keys and values may be secret: only the command.
void describe(trace::client_span& into, std::string_view command) {
    into->name = command;
    into->set("db.system.name", "redis");
    into->set("db.operation.name", std::string(command));
}

}  // namespace

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
          max_waiting_(options.max_waiting),
          on_command_(std::move(options.on_command)) {}

    [[nodiscard]] const std::shared_ptr<redis_link>& link() const noexcept { return link_; }
    void tell(steady_clock::time_point began, bool answered) const {
        if (on_command_) on_command_(steady_clock::now() - began, answered);
    }

private:
    void adopt(const std::shared_ptr<redis_connection>& connection) override {
        link_ = std::make_shared<redis_link>(get_executor(), connection, max_waiting_);
    }

    awaitable<> serve() override { return link_->serve(); }

    std::size_t max_waiting_;
    std::function<void(std::chrono::nanoseconds took, bool answered)> on_command_;
    std::shared_ptr<redis_link> link_;
};

redis_client::redis_client(executor where, redis_endpoint endpoint, redis_client_options options)
    : supervisor_(std::make_shared<supervisor>(where, std::move(endpoint), std::move(options))) {}

redis_client::~redis_client() { stop(); }

void redis_client::start() { supervisor_->start(); }

void redis_client::stop() { supervisor_->stop(); }

bool redis_client::connected() const noexcept { return supervisor_->connected(); }

awaitable<result<std::vector<redis_reply>>> redis_client::ask(std::string bytes, std::size_t replies,
                                                              std::chrono::milliseconds limit) {
    const auto began = steady_clock::now();
    const auto kept = supervisor_;  // the client may be gone when the reply comes
    auto out = co_await redis_link::ask(kept->link(), std::move(bytes), replies, limit);
    kept->tell(began, out.has_value());
    co_return out;
}

awaitable<result<redis_reply>> redis_client::raw_command(std::vector<std::string> argv,
                                                         std::chrono::milliseconds limit,
                                                         trace::recorder_ptr recording) {
    trace::client_span recorded(std::move(recording));
    if (recorded && !argv.empty()) describe(recorded, argv.front());
    std::string bytes;
    append_redis_command(bytes, argv);
    auto replies = co_await ask(std::move(bytes), 1, limit);
    if (!replies) {
        recorded.fail(bulkhead::describe(replies.error().code).name);
        co_return std::unexpected(std::move(replies).error());
    }
    if (const auto* refusal = replies->front().error())
        recorded.fail(bulkhead::describe(to_error(*refusal).code).name);
    co_return std::move(replies->front());
}

awaitable<result<redis_reply>> redis_client::command(std::vector<std::string> argv,
                                                     std::chrono::milliseconds limit,
                                                     trace::recorder_ptr recording) {
    auto reply = co_await raw_command(std::move(argv), limit, std::move(recording));
    if (reply && reply->error()) co_return std::unexpected(to_error(*reply->error()));
    co_return reply;
}

awaitable<result<std::vector<redis_reply>>> redis_client::commands(
    std::vector<std::vector<std::string>> batch, std::chrono::milliseconds limit,
    trace::recorder_ptr recording) {
    if (batch.empty()) co_return std::vector<redis_reply>{};
    trace::client_span recorded(std::move(recording));
    if (recorded) {
        describe(recorded, "PIPELINE");
        recorded->set("db.operation.batch.size", static_cast<std::int64_t>(batch.size()));
    }
    std::string bytes;
    for (const auto& argv : batch) append_redis_command(bytes, argv);
    auto replies = co_await ask(std::move(bytes), batch.size(), limit);
    if (!replies) recorded.fail(bulkhead::describe(replies.error().code).name);
    co_return replies;
}

awaitable<result<redis_reply>> redis_client::run(const script& what, std::vector<std::string> keys,
                                                 std::vector<std::string> arguments,
                                                 std::chrono::milliseconds limit,
                                                 trace::recorder_ptr recording) {
    const auto end = steady_clock::now() + limit;
    std::vector<std::string> argv{"EVALSHA", what.sha1(), std::to_string(keys.size())};
    argv.reserve(argv.size() + keys.size() + arguments.size());
    std::ranges::move(keys, std::back_inserter(argv));
    std::ranges::move(arguments, std::back_inserter(argv));

    auto reply = co_await raw_command(argv, limit, recording);
    if (reply && reply->error() && reply->error()->kind == redis_error_kind::noscript) {
        argv[0] = "EVAL";  // the server keeps it from now on
        argv[1] = what.source();
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now());
        reply = co_await raw_command(std::move(argv), left, std::move(recording));
    }
    if (reply && reply->error()) co_return std::unexpected(to_error(*reply->error()));
    co_return reply;
}

}  // namespace bulkhead::redis
