// SPDX-License-Identifier: Apache-2.0
// Messages of Redis channels, over a connection of its own. It reconnects and subscribes again for ever, and
// says when messages may have been missed, for Redis keeps none: what must not be missed is read again then.
// All of it runs on the executor's thread, callbacks too; destroy it before its io_context.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "persistence/redis/codec.hpp"
#include "persistence/redis/endpoint.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::redis {

struct subscriber_options {
    std::chrono::milliseconds connect_timeout{1000};  // name, connection, TLS, AUTH and PING together
    std::chrono::milliseconds reconnect_first{50};    // waits between attempts double, with jitter, …
    std::chrono::milliseconds reconnect_most{2000};   // … up to this
    /// A server that is silent for twice this time is given up.
    std::chrono::milliseconds ping_every{3000};
    std::size_t max_channels = 1024;
    redis_reply_limits message{.bytes = 1u << 20, .elements = 1024};
    /// Called when the connection comes up, is lost, and after each attempt that failed; `why` is for logs
    /// and holds no secret.
    std::function<void(bool up, std::string_view why)> on_change{};
    /// The server lets us in but refuses a channel (ACL). It is asked again at every ping; this is called
    /// once per connection.
    std::function<void(std::string_view channel, std::string_view why)> on_refused{};
};

class subscriber {
public:
    using message_callback = std::function<void(std::string_view message)>;
    using gap_callback = std::function<void()>;

    static constexpr std::size_t longest_channel = 512;  // bytes of its name

    subscriber(executor where, redis_endpoint endpoint, subscriber_options options = {});
    /// Stops.
    ~subscriber();
    subscriber(const subscriber&) = delete;
    subscriber& operator=(const subscriber&) = delete;

    /// Begins to connect, and keeps trying. Call once, before or after `subscribe`.
    void start();

    /// Closes; no callback is called from here on. For good, and safe to call twice.
    void stop();

    /// Calls `on_message` for each message of the channel, and `on_resubscribed` each time the server has
    /// confirmed the subscription, also the first time: messages sent before that may have been missed, later
    /// ones arrive. Callbacks may do anything to this object, also destroy it; an exception of theirs ends
    /// the connection, which makes a new one. errc::conflict: the channel is subscribed to already.
    /// errc::unavailable: too many channels. errc::validation_failed: the name is empty or too long.
    result<> subscribe(std::string channel, message_callback on_message, gap_callback on_resubscribed = {});

    /// Its callbacks are not called any more. Unknown channels are ignored.
    void unsubscribe(std::string_view channel);

    [[nodiscard]] bool connected() const noexcept;

    /// Messages of this channel arrive at present, as far as we know: a connection that went dead is noticed
    /// within twice `ping_every`.
    [[nodiscard]] bool live(std::string_view channel) const;

private:
    class state;

    std::shared_ptr<state> state_;  // shared with the coroutine that reconnects
};

}  // namespace bulkhead::redis
