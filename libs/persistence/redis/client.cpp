// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/client.hpp"

#include <iterator>
#include <utility>

#include "persistence/redis/cluster.hpp"
#include "persistence/redis/node.hpp"
#include "persistence/redis/slots.hpp"

namespace bulkhead::redis {
namespace {

/// Named after the OpenTelemetry conventions for databases. Keys and values may be secret: only the command.
void describe(trace::client_span& into, std::string_view command) {
    into->name = command;
    into->set("db.system.name", "redis");
    into->set("db.operation.name", std::string(command));
}

}  // namespace

/// Either one server or a cluster.
struct redis_client::inside {
    std::shared_ptr<redis_node> node;
    std::shared_ptr<redis_cluster> cluster;
    std::function<void(std::chrono::nanoseconds took, bool answered)> on_command;

    inside(executor where, redis_endpoint endpoint, redis_client_options options)
        : on_command(std::move(options.on_command)) {
        redis_keeper_options keeping{.connection = {.connect_timeout = options.connect_timeout,
                                                    .max_unsent_bytes = options.max_unsent_bytes,
                                                    .reply = options.reply},
                                     .reconnect_first = options.reconnect_first,
                                     .reconnect_most = options.reconnect_most,
                                     .on_change = std::move(options.on_change),
                                     .on_identity = std::move(options.on_identity)};
        if (endpoint.is_cluster())
            cluster = std::make_shared<redis_cluster>(where, std::move(endpoint), std::move(keeping),
                                                      options.max_waiting);
        else
            node = std::make_shared<redis_node>(where, std::move(endpoint), std::move(keeping),
                                                options.max_waiting);
    }

    void tell(steady_clock::time_point began, bool answered) const {
        if (on_command) on_command(steady_clock::now() - began, answered);
    }
};

redis_client::redis_client(executor where, redis_endpoint endpoint, redis_client_options options)
    : inside_(std::make_shared<inside>(where, std::move(endpoint), std::move(options))) {}

redis_client::~redis_client() { stop(); }

void redis_client::start() { inside_->cluster ? inside_->cluster->start() : inside_->node->start(); }

void redis_client::stop() { inside_->cluster ? inside_->cluster->stop() : inside_->node->retire(); }

bool redis_client::connected() const noexcept {
    return inside_->cluster ? inside_->cluster->connected() : inside_->node->connected();
}

awaitable<result<redis_reply>> redis_client::raw_command(std::vector<std::string> argv,
                                                         std::chrono::milliseconds limit,
                                                         trace::recorder_ptr recording) {
    trace::client_span recorded(std::move(recording));
    if (recorded && !argv.empty()) describe(recorded, argv.front());
    const auto kept = inside_;  // the client may be gone when the reply comes
    const auto began = steady_clock::now();
    std::string bytes;
    append_redis_command(bytes, argv);
    result<std::vector<redis_reply>> replies;
    if (kept->cluster) {
        const auto slot = slot_of_command(argv);
        std::vector<std::string> alone(1, std::move(bytes));
        replies = co_await redis_cluster::ask(kept->cluster, slot, std::move(alone), false, limit);
    } else {
        replies = co_await redis_link::ask(kept->node->link(), std::move(bytes), 1, limit);
    }
    kept->tell(began, replies.has_value());
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
    const auto kept = inside_;
    const auto began = steady_clock::now();
    result<std::vector<redis_reply>> replies;
    if (kept->cluster) {
        replies = co_await redis_cluster::ask_all(kept->cluster, std::move(batch), limit);
    } else {
        std::string bytes;
        for (const auto& argv : batch) append_redis_command(bytes, argv);
        replies = co_await redis_link::ask(kept->node->link(), std::move(bytes), batch.size(), limit);
    }
    kept->tell(began, replies.has_value());
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
