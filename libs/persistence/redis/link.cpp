// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/link.hpp"

#include <sys/un.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <utility>

namespace bulkhead::redis {

redis_link::redis_link(executor where, const redis_endpoint& endpoint, const redis_client_options& options)
    : executor_(where),
      endpoint_(endpoint),
      options_(options),
      socket_(where),
      resolver_(where),
      opening_limit_(where),
      reader_(options.reply) {}

awaitable<bool> redis_link::open() {
    opening_limit_.expires_after(options_.connect_timeout);
    opening_limit_.async_wait([self = shared_from_this()](error_code ec) {
        if (!ec && self->state_ == state::opening) self->close("the server did not let us in in time");
    });
    bool welcome = co_await connect();
    if (welcome) welcome = co_await greet();
    opening_limit_.cancel();
    if (state_ == state::closed) co_return false;
    if (welcome) state_ = state::up;
    co_return welcome;
}

awaitable<std::vector<redis_link::protocol::endpoint>> redis_link::find_addresses() {
    std::vector<protocol::endpoint> found;
    error_code ec;
    if (!endpoint_.unix_path.empty()) {
        if (endpoint_.unix_path.size() >= sizeof(sockaddr_un::sun_path)) {
            close("the path of its socket is too long");
            co_return found;
        }
        found.emplace_back(net::local::stream_protocol::endpoint(endpoint_.unix_path));
        co_return found;
    }
    const auto literal = net::ip::make_address(endpoint_.host, ec);
    if (!ec) {
        found.emplace_back(tcp::endpoint(literal, endpoint_.port));
        co_return found;
    }
    auto [failed, names] =
        co_await resolver_.async_resolve(endpoint_.host, std::to_string(endpoint_.port), use_tuple);
    if (failed) close("its name is not known: " + failed.message());
    for (const auto& name : names) found.emplace_back(name.endpoint());
    co_return found;
}

awaitable<bool> redis_link::connect() {
    const auto addresses = co_await find_addresses();
    std::string problem = "it has no address";
    for (const auto& address : addresses) {
        if (state_ == state::closed) co_return false;
        error_code ignored;
        socket_.close(ignored);  // what the address before left open
        const auto [failed] = co_await socket_.async_connect(address, use_tuple);
        if (failed) {
            problem = failed.message();
            continue;
        }
        if (state_ == state::closed) co_return false;
        if (endpoint_.unix_path.empty()) socket_.set_option(tcp::no_delay(true), ignored);
        co_return true;
    }
    close("it cannot be connected to: " + problem);
    co_return false;
}

awaitable<bool> redis_link::greet() {
    std::size_t expected = 1;
    std::string hello;
    if (!endpoint_.password.empty()) {
        std::vector<std::string> auth{"AUTH"};
        if (!endpoint_.user.empty()) auth.push_back(endpoint_.user);
        auth.emplace_back(endpoint_.password.reveal());
        append_redis_command(hello, auth);
        ++expected;
    }
    if (endpoint_.database != 0) {
        append_redis_command(hello, {"SELECT", std::to_string(endpoint_.database)});
        ++expected;
    }
    append_redis_command(hello, {"PING"});  // a server that still loads its data refuses this one
    const auto [failed, written] = co_await net::async_write(socket_, net::buffer(hello), use_tuple);
    if (failed) {
        close("the connection broke: " + failed.message());
        co_return false;
    }
    while (expected > 0) {
        auto reply = reader_.next();
        if (!reply) {
            close(reply.error().detail);
            co_return false;
        }
        if (!*reply) {
            const bool more = co_await read_some();
            if (!more) co_return false;
            continue;
        }
        if (const auto* refusal = (*reply)->error()) {
            close("it refused us: " + refusal->message);
            co_return false;
        }
        --expected;
    }
    co_return true;
}

awaitable<> redis_link::serve() {
    bool more = deliver_replies();
    while (more) {
        more = co_await read_some();
        if (more) more = deliver_replies();
    }
}

awaitable<bool> redis_link::read_some() {
    const auto [failed, count] = co_await socket_.async_read_some(net::buffer(input_), use_tuple);
    if (state_ == state::closed) co_return false;
    if (failed) {
        close("the connection ended: " + failed.message());
        co_return false;
    }
    reader_.feed({input_.data(), count});
    co_return true;
}

bool redis_link::deliver_replies() {
    while (state_ == state::up) {
        auto reply = reader_.next();
        if (!reply) {
            close(reply.error().detail);
            return false;
        }
        if (!*reply) return true;
        if (waiters_.empty()) {  // from here on no reply can be trusted to belong to its command
            close("it answered a question that was not asked");
            return false;
        }
        waiters_.front()->answer = std::move(**reply);
        waiters_.front()->alarm.cancel();
        waiters_.pop_front();
    }
    return false;
}

awaitable<result<redis_reply>> redis_link::command(std::shared_ptr<redis_link> link,
                                                   std::vector<std::string> argv,
                                                   std::chrono::milliseconds limit) {
    if (!link || !link->is_up()) co_return fail(errc::unavailable, "The cache is away.");
    if (limit.count() <= 0) co_return fail(errc::deadline_exceeded, "No time was left to ask the cache.");
    if (link->waiters_.size() >= link->options_.max_waiting ||
        link->unsent_.size() > link->options_.max_unsent_bytes)
        co_return fail(errc::unavailable, "Too many requests wait for the cache.");

    append_redis_command(link->unsent_, argv);
    const auto self = std::make_shared<waiter>(link->executor_);
    link->waiters_.push_back(self);
    link->write_soon();
    self->alarm.expires_after(limit);
    const auto [stirred] = co_await self->alarm.async_wait(use_tuple);
    if (self->answer) co_return std::move(*self->answer);
    // Cancelled by our caller: the waiter keeps its place in the line and swallows its reply.
    if (stirred) co_return fail(errc::unavailable, "The question to the cache was given up.");
    link->close("a command had no answer in time");
    co_return fail(errc::deadline_exceeded, "The cache did not answer in time.");
}

void redis_link::write_soon() {
    if (writing_) return;
    writing_ = true;
    // Not at once: every coroutine that can run now may add its command to this write.
    net::post(executor_, [self = shared_from_this()] { self->write(); });
}

void redis_link::write() {
    if (state_ != state::up) return;
    sending_.swap(unsent_);
    unsent_.clear();
    // Asio sends with MSG_NOSIGNAL: a vanished peer is an error here, never a SIGPIPE.
    net::async_write(socket_, net::buffer(sending_),
                     [self = shared_from_this()](error_code failed, std::size_t) {
                         if (failed) return self->close("the connection broke: " + failed.message());
                         self->writing_ = !self->unsent_.empty();
                         if (self->writing_) self->write();
                     });
}

void redis_link::close(std::string_view why) {
    if (state_ == state::closed) return;
    state_ = state::closed;
    why_closed_ = why;
    opening_limit_.cancel();
    resolver_.cancel();
    error_code ignored;
    socket_.close(ignored);
    for (const auto& waiting : std::exchange(waiters_, {})) {
        waiting->answer = fail(errc::unavailable, "The connection to the cache was lost.");
        waiting->alarm.cancel();
    }
}

}  // namespace bulkhead::redis
