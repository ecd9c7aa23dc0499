// SPDX-License-Identifier: Apache-2.0
// One connection to Redis, from its opening to its end; never used again after that, so that a late
// completion can only meet its own connection. Private to this library; one thread; shared with the
// operations under way.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/redis/codec.hpp"
#include "persistence/redis/endpoint.hpp"
#include "persistence/redis/reply.hpp"
#include "persistence/redis/tls.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::redis {

struct redis_connection_limits {
    std::chrono::milliseconds connect_timeout{1000};  // name, connection, TLS, AUTH, SELECT and PING together
    std::size_t max_unsent_bytes = 8u << 20;
    redis_reply_limits reply{};
};

/// Commands, each with its arguments.
using redis_questions = std::vector<std::vector<std::string>>;

class redis_connection : public std::enable_shared_from_this<redis_connection> {
public:
    /// `endpoint`, which is one server, and `tls` must outlive open().
    redis_connection(executor where, const redis_endpoint& endpoint, redis_tls& tls,
                     const redis_connection_limits& limits, redis_questions questions = {});

    /// Connects, agrees on TLS when the endpoint wants it, authenticates, selects the database, and waits
    /// until the server answers PING and the questions. At most `connect_timeout`. False: why_closed() tells.
    awaitable<bool> open();

    /// To each of the questions, in their order, once it is open; refusals are among them as values.
    [[nodiscard]] const std::vector<redis_reply>& answers() const noexcept { return answers_; }

    /// Waits for more bytes of the server. False: the connection is closed.
    awaitable<bool> read_some();

    /// The next complete reply among the bytes read. nullopt: it needs more of them, or the connection is
    /// closed, perhaps because what came is no reply.
    std::optional<redis_reply> next();

    /// Sends encoded commands, together with all that others send in the same turn of the loop. False:
    /// nothing is sent, for too much waits already, or the connection is not up.
    [[nodiscard]] bool send(std::string_view commands);

    /// Ends it. The first reason is kept.
    void close(std::string_view why);

    [[nodiscard]] bool is_up() const noexcept { return state_ == state::up; }
    /// For logs; holds no secret.
    [[nodiscard]] const std::string& why_closed() const noexcept { return why_closed_; }

private:
    enum class state { opening, up, closed };
    using protocol = net::generic::stream_protocol;
    using socket = net::basic_stream_socket<protocol, executor>;
    using resolver = net::ip::basic_resolver<tcp, executor>;

    awaitable<std::vector<protocol::endpoint>> find_addresses();
    awaitable<bool> connect();
    awaitable<bool> secure();
    awaitable<bool> greet();
    void write();

    executor executor_;
    const redis_endpoint& endpoint_;
    redis_tls& tls_;
    redis_connection_limits limits_;
    redis_questions questions_;
    std::vector<redis_reply> answers_;
    state state_ = state::opening;
    std::string_view missing_ = "no connection";  // what opening waits for
    std::string why_closed_;
    socket socket_;
    std::optional<net::ssl::stream<socket&>> secured_;  // over it, when the endpoint wants TLS
    resolver resolver_;
    steady_timer opening_limit_;
    redis_reply_reader reader_;
    std::array<char, 16384> input_;
    std::string unsent_;
    std::string sending_;
    bool writing_ = false;
};

}  // namespace bulkhead::redis
