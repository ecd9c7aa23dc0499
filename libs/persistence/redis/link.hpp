// SPDX-License-Identifier: Apache-2.0
// One connection to Redis, from its opening to its end; never used again after that, so that a late reply or
// a late completion can only meet its own link. Private to redis_client; one thread; shared with the
// operations under way.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/redis/client.hpp"

namespace bulkhead::redis {

class redis_link : public std::enable_shared_from_this<redis_link> {
public:
    /// `endpoint` and `options` must outlive the link.
    redis_link(executor where, const redis_endpoint& endpoint, const redis_client_options& options);

    /// Connects, authenticates, selects the database, and waits until the server answers PING. At most
    /// `connect_timeout`. False: why_closed() tells.
    awaitable<bool> open();

    /// Hands replies to those who wait, until the link ends.
    awaitable<> serve();

    /// See redis_client::raw_command. `link` may be null, not yet open, or closed.
    static awaitable<result<redis_reply>> command(std::shared_ptr<redis_link> link,
                                                  std::vector<std::string> argv,
                                                  std::chrono::milliseconds limit);

    /// Ends the link; whoever waits gets errc::unavailable. The first reason is kept.
    void close(std::string_view why);

    [[nodiscard]] bool is_up() const noexcept { return state_ == state::up; }
    [[nodiscard]] const std::string& why_closed() const noexcept { return why_closed_; }

private:
    enum class state { opening, up, closed };
    using protocol = net::generic::stream_protocol;
    using socket = net::basic_stream_socket<protocol, executor>;
    using resolver = net::ip::basic_resolver<tcp, executor>;

    struct waiter {
        explicit waiter(executor where) : alarm(where) {}
        steady_timer alarm;  // its cancellation says that the answer is there
        std::optional<result<redis_reply>> answer;
    };

    awaitable<std::vector<protocol::endpoint>> find_addresses();
    awaitable<bool> connect();
    awaitable<bool> greet();
    awaitable<bool> read_some();
    bool deliver_replies();
    void write_soon();
    void write();

    executor executor_;
    const redis_endpoint& endpoint_;
    const redis_client_options& options_;
    state state_ = state::opening;
    std::string why_closed_;
    socket socket_;
    resolver resolver_;
    steady_timer opening_limit_;
    redis_reply_reader reader_;
    std::array<char, 16384> input_;
    std::deque<std::shared_ptr<waiter>>
        waiters_;  // in the order of their commands, which is that of the replies
    std::string unsent_;
    std::string sending_;
    bool writing_ = false;
};

}  // namespace bulkhead::redis
