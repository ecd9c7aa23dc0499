// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/keeper.hpp"

#include <boost/asio/co_spawn.hpp>

#include <utility>

#include "runtime/backoff.hpp"
#include "runtime/or_die.hpp"

namespace bulkhead::redis {

redis_keeper::redis_keeper(executor where, redis_endpoint endpoint, redis_keeper_options options)
    : executor_(where),
      endpoint_(std::move(endpoint)),
      tls_(endpoint_.tls_ca_file),
      options_(std::move(options)),
      locator_(where, endpoint_, options_.connection, options_.slot),
      pause_(where) {}

void redis_keeper::start() { net::co_spawn(executor_, run(shared_from_this()), or_die); }

void redis_keeper::stop() {
    stopped_ = true;
    pause_.cancel();
    locator_.cancel();
    if (connection_) connection_->close("the client was stopped");
}

awaitable<> redis_keeper::run(std::shared_ptr<redis_keeper> self) {
    runtime::backoff delay(self->options_.reconnect_first, self->options_.reconnect_most);
    while (!self->stopped_) {
        auto why = co_await self->connect();
        if (why.empty()) {
            const auto since = steady_clock::now();
            self->adopt(self->connection_);
            self->tell_identity();
            self->announce(true, self->endpoint_.seeds.empty()
                                     ? "connected"
                                     : "connected to " + to_text({self->server_.host, self->server_.port}));
            co_await self->serve();
            why = self->connection_->why_closed();
            // A server that lets us in and throws us out again is not asked at full speed.
            if (steady_clock::now() - since >= self->options_.reconnect_most) delay.reset();
        }
        self->lose();
        if (!self->stopped_) self->announce(false, why);
        if (self->stopped_) co_return;  // perhaps by whom it was announced to
        self->pause_.expires_after(delay.next());
        co_await self->pause_.async_wait(use_tuple);
    }
}

awaitable<std::string> redis_keeper::connect() {
    auto server = co_await locator_.find();
    if (!server) co_return std::move(server).error();
    if (stopped_) co_return "the client was stopped";
    server_ = *std::move(server);
    connection_ =
        std::make_shared<redis_connection>(executor_, server_, tls_, options_.connection, questions());
    const bool opened = co_await connection_->open();
    if (opened && endpoint_.by_sentinel()) {
        // A sentinel that was cut off may still name the primary of yesterday.
        const auto complaint = complain_about_role(connection_->answers().front());
        if (!complaint.empty()) connection_->close(complaint);
    }
    if (connection_->is_up()) co_return std::string();
    locator_.doubt();
    if (endpoint_.seeds.empty()) co_return connection_->why_closed();
    co_return to_text({server_.host, server_.port}) + ": " + connection_->why_closed();
}

redis_questions redis_keeper::questions() const {
    redis_questions out;
    if (endpoint_.by_sentinel()) out.push_back({"ROLE"});
    if (options_.on_identity) {
        out.push_back({"INFO", "server"});
        out.push_back({"INFO", "replication"});
    }
    return out;
}

void redis_keeper::tell_identity() const {
    if (!options_.on_identity) return;
    const auto& answers = connection_->answers();
    const auto server = (answers.rbegin() + 1)->text().value_or("");
    const auto replication = answers.back().text().value_or("");
    const auto& path = server_.unix_path;
    options_.on_identity({.server = path.empty() ? to_text({server_.host, server_.port}) : path,
                          .run_id = std::string(info_value(server, "run_id")),
                          .replication_id = std::string(info_value(replication, "master_replid"))});
}

void redis_keeper::announce(bool up, std::string_view why) const {
    if (options_.on_change) options_.on_change(up, why);
}

}  // namespace bulkhead::redis
