// SPDX-License-Identifier: Apache-2.0
// Commands on their way through a cluster: which of them are still without an answer, and what the nodes say
// to do about those. Private to redis_cluster; a plain value.
#pragma once

#include <string>
#include <vector>

#include "persistence/redis/reply.hpp"
#include "persistence/redis/slots.hpp"

namespace bulkhead::redis {

class redis_errand {
public:
    enum class next {
        done,   // every command has its reply
        moved,  // the rest is to be sent to where(), which serves the slot from now on
        ask,    // the rest is to be sent to where(), this once
        wait,   // the slot is on its way, or nobody serves it: the rest may be asked for again in a moment
    };

    /// Encoded commands. `as_one`: they are a transaction, of which nothing is done when a part is refused.
    redis_errand(std::vector<std::string> commands, bool as_one);

    /// What is to be sent now, and how many replies it will have.
    [[nodiscard]] std::string bytes() const;
    [[nodiscard]] std::size_t expected() const noexcept { return left_.size() * (asking_ ? 2 : 1); }

    /// The replies of `from` to bytes().
    next take(std::vector<redis_reply> replies, const redis_address& from);

    [[nodiscard]] const redirection& where() const noexcept { return where_; }

    /// Once it is done: one for each command.
    [[nodiscard]] std::vector<redis_reply> replies() && { return std::move(replies_); }

private:
    next judge(const redis_reply& reply, const redis_address& from);

    std::vector<std::string> commands_;
    std::vector<redis_reply> replies_;
    std::vector<std::size_t> left_;  // which commands are without a reply
    redirection where_;
    bool as_one_;
    bool asking_ = false;
};

}  // namespace bulkhead::redis
