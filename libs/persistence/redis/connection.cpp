// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/connection.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/write.hpp>

#include <tuple>
#include <utility>

namespace bulkhead::redis {
namespace {

/// A firewall that forgets an idle connection is noticed within a minute, not at the next command.
template <class Socket>
void tune(Socket& socket) {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    socket.set_option(net::socket_base::keep_alive(true), ignored);
    const auto set = [&](int option, int value) {
        setsockopt(socket.native_handle(), IPPROTO_TCP, option, &value, sizeof value);
    };
    set(TCP_KEEPIDLE, 30);  // seconds
    set(TCP_KEEPINTVL, 10);
    set(TCP_KEEPCNT, 3);
}

}  // namespace

redis_connection::redis_connection(executor where, const redis_endpoint& endpoint, redis_tls& tls,
                                   const redis_connection_limits& limits, redis_questions questions)
    : executor_(where),
      endpoint_(endpoint),
      tls_(tls),
      limits_(limits),
      questions_(std::move(questions)),
      socket_(where),
      resolver_(where),
      opening_limit_(where),
      reader_(limits.reply) {}

awaitable<bool> redis_connection::open() {
    opening_limit_.expires_after(limits_.connect_timeout);
    opening_limit_.async_wait([self = shared_from_this()](error_code ec) {
        if (!ec && self->state_ == state::opening)
            self->close("the server did not let us in in time: " + std::string(self->missing_));
    });
    bool welcome = co_await connect();
    if (welcome && endpoint_.tls) {
        missing_ = "no TLS";  // a port that does not speak it waits for the end of a line
        welcome = co_await secure();
    }
    missing_ = "no answer";
    if (welcome) welcome = co_await greet();
    opening_limit_.cancel();
    if (state_ == state::closed) co_return false;
    if (welcome) state_ = state::up;
    co_return welcome;
}

awaitable<std::vector<redis_connection::protocol::endpoint>> redis_connection::find_addresses() {
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

awaitable<bool> redis_connection::connect() {
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
        if (endpoint_.unix_path.empty()) tune(socket_);
        co_return true;
    }
    close("it cannot be connected to: " + problem);
    co_return false;
}

awaitable<bool> redis_connection::secure() {
    const auto context = tls_.context();
    if (!context) {
        close(context.error());
        co_return false;
    }
    secured_.emplace(socket_, **context);
    auto* const session = secured_->native_handle();
    if (!redis_tls::expect_host(session, endpoint_.host)) {
        close("its name cannot stand in a certificate");
        co_return false;
    }
    const auto [failed] = co_await secured_->async_handshake(net::ssl::stream_base::client, use_tuple);
    if (state_ == state::closed) co_return false;
    if (failed) {
        tls_.forget();
        close(redis_tls::explain(session, failed));
    }
    co_return !failed;
}

awaitable<bool> redis_connection::greet() {
    std::size_t welcomes = 1;
    std::string hello;
    if (!endpoint_.password.empty()) {
        std::vector<std::string> auth{"AUTH"};
        if (!endpoint_.user.empty()) auth.push_back(endpoint_.user);
        auth.emplace_back(endpoint_.password.reveal());
        append_redis_command(hello, auth);
        ++welcomes;
    }
    if (endpoint_.database != 0) {
        append_redis_command(hello, {"SELECT", std::to_string(endpoint_.database)});
        ++welcomes;
    }
    append_redis_command(hello, {"PING"});  // a server that still loads its data refuses this one
    for (const auto& question : questions_) append_redis_command(hello, question);
    unsent_ = std::move(hello);
    writing_ = true;
    write();
    while (welcomes > 0 || answers_.size() < questions_.size()) {
        auto reply = next();
        if (!reply) {
            const bool more = co_await read_some();
            if (!more) co_return false;
            continue;
        }
        if (welcomes == 0) {
            answers_.push_back(std::move(*reply));
            continue;
        }
        if (const auto* refusal = reply->error()) {
            close("it refused us: " + refusal->message);
            co_return false;
        }
        --welcomes;
    }
    co_return true;
}

awaitable<bool> redis_connection::read_some() {
    if (state_ == state::closed) co_return false;
    error_code failed;
    std::size_t count = 0;
    if (secured_)
        std::tie(failed, count) = co_await secured_->async_read_some(net::buffer(input_), use_tuple);
    else
        std::tie(failed, count) = co_await socket_.async_read_some(net::buffer(input_), use_tuple);
    if (state_ == state::closed) co_return false;
    if (failed) {
        close("the connection ended: " + failed.message());
        co_return false;
    }
    reader_.feed({input_.data(), count});
    co_return true;
}

std::optional<redis_reply> redis_connection::next() {
    if (state_ == state::closed) return std::nullopt;
    auto reply = reader_.next();
    if (reply) return std::move(*reply);
    close(reply.error().detail);
    return std::nullopt;
}

bool redis_connection::send(std::string_view commands) {
    if (state_ != state::up || commands.size() > limits_.max_unsent_bytes - unsent_.size()) return false;
    unsent_ += commands;
    if (std::exchange(writing_, true)) return true;
    // Not at once: every coroutine that can run now may add its command to this write.
    net::post(executor_, [self = shared_from_this()] { self->write(); });
    return true;
}

void redis_connection::write() {
    constexpr std::size_t worth_keeping = 1u << 18;
    if (state_ == state::closed) return;
    if (sending_.capacity() > worth_keeping) std::string().swap(sending_);
    sending_.swap(unsent_);
    unsent_.clear();
    // Asio sends with MSG_NOSIGNAL, under TLS too: a vanished peer is an error here, never a SIGPIPE.
    auto then = [self = shared_from_this()](error_code failed, std::size_t) {
        if (failed) return self->close("the connection broke: " + failed.message());
        self->writing_ = !self->unsent_.empty();
        if (self->writing_) self->write();
    };
    if (secured_)
        net::async_write(*secured_, net::buffer(sending_), std::move(then));
    else
        net::async_write(socket_, net::buffer(sending_), std::move(then));
}

void redis_connection::close(std::string_view why) {
    if (state_ == state::closed) return;
    state_ = state::closed;
    why_closed_ = why;
    opening_limit_.cancel();
    resolver_.cancel();
    error_code ignored;
    socket_.close(ignored);
}

}  // namespace bulkhead::redis
