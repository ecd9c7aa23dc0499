// SPDX-License-Identifier: Apache-2.0
// One question to several servers in turn, each on a connection of its own, until one has an answer of use:
// to sentinels about a primary, to the nodes of a cluster about who serves what. Private to this library; one
// thread; lives as long as the coroutine that asks.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "persistence/redis/connection.hpp"
#include "persistence/redis/endpoint.hpp"
#include "persistence/redis/tls.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::redis {

class redis_inquiry {
public:
    struct answer {
        redis_address of;
        redis_reply reply;
    };
    /// What is wrong with an answer, as it stands after the server's name; empty: nothing.
    using judge = std::function<std::string(const redis_reply&)>;

    /// `way`: how each server is let in; its address is of no matter.
    redis_inquiry(executor where, redis_endpoint way, redis_connection_limits limits);

    /// Each server has `connect_timeout`. The error is a sentence for logs about the one that was last.
    awaitable<std::expected<answer, std::string>> ask(std::vector<redis_address> servers,
                                                      std::vector<std::string> question, judge is_usable);

    /// Ends what is under way, for good.
    void cancel();

private:
    executor executor_;
    redis_endpoint way_;
    redis_tls tls_;
    redis_connection_limits limits_;
    std::shared_ptr<redis_connection> current_;
    bool cancelled_ = false;
};

}  // namespace bulkhead::redis
