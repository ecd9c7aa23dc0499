// SPDX-License-Identifier: Apache-2.0
// Keeps one connection: makes a new one whenever the last has ended, after a pause that grows while the
// server is away, and to the server that is the right one then. What is done with a connection is up to the
// derived class. Private to this library; one thread; shared with its own coroutine.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/redis/connection.hpp"
#include "persistence/redis/endpoint.hpp"
#include "persistence/redis/identity.hpp"
#include "persistence/redis/locator.hpp"
#include "persistence/redis/tls.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::redis {

struct redis_keeper_options {
    redis_connection_limits connection{};
    std::chrono::milliseconds reconnect_first{50};
    std::chrono::milliseconds reconnect_most{2000};
    std::function<void(bool up, std::string_view why)> on_change{};
    /// Called when a connection has come up, before on_change. Without it the server is not asked.
    std::function<void(const redis_identity&)> on_identity{};
    std::optional<std::uint16_t> slot{};  // of a cluster: only who serves it will do
};

class redis_keeper : public std::enable_shared_from_this<redis_keeper> {
public:
    redis_keeper(executor where, redis_endpoint endpoint, redis_keeper_options options);
    virtual ~redis_keeper() = default;
    redis_keeper(const redis_keeper&) = delete;
    redis_keeper& operator=(const redis_keeper&) = delete;

    /// Begins to connect. Once.
    void start();
    /// Closes, for good.
    void stop();

    [[nodiscard]] bool connected() const noexcept { return connection_ && connection_->is_up(); }

protected:
    /// A connection has come up; before anybody is told.
    virtual void adopt(const std::shared_ptr<redis_connection>& connection) = 0;
    /// An attempt has failed, or the connection has ended; before anybody is told.
    virtual void lose() {}
    /// Reads what it brings, until it ends.
    virtual awaitable<> serve() = 0;

    [[nodiscard]] const executor& get_executor() const noexcept { return executor_; }
    /// The latest one; null before the first.
    [[nodiscard]] const std::shared_ptr<redis_connection>& connection() const noexcept { return connection_; }

private:
    static awaitable<> run(std::shared_ptr<redis_keeper> self);
    /// Finds the server and connects to it. Empty: the connection is up; else why it is not.
    awaitable<std::string> connect();
    [[nodiscard]] redis_questions questions() const;
    void announce(bool up, std::string_view why) const;
    void tell_identity() const;

    executor executor_;
    redis_endpoint endpoint_;
    redis_endpoint server_;  // the one that connection_ is made to
    redis_tls tls_;
    redis_keeper_options options_;
    redis_locator locator_;
    steady_timer pause_;
    std::shared_ptr<redis_connection> connection_;
    bool stopped_ = false;
};

}  // namespace bulkhead::redis
