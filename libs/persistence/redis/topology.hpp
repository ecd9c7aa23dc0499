// SPDX-License-Identifier: Apache-2.0
// Who serves which slot of a cluster, as its nodes say: those that were heard of last are asked first,
// another one each time, then the seeds; so a cluster that has moved away from its seeds is still found, and
// a node that lives in the past is not believed for long. Private to this library; one thread; lives as long
// as the coroutine that asks.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "persistence/redis/inquiry.hpp"
#include "persistence/redis/slots.hpp"

namespace bulkhead::redis {

class redis_topology {
public:
    redis_topology(executor where, const redis_endpoint& cluster, redis_connection_limits limits);

    /// At least one range. The error is a sentence for logs.
    awaitable<std::expected<std::vector<slot_range>, std::string>> ask();

    /// Ends what is under way, for good.
    void cancel() { inquiry_.cancel(); }

private:
    [[nodiscard]] std::vector<redis_address> candidates();
    void learn(const std::vector<slot_range>& ranges);

    redis_inquiry inquiry_;
    std::vector<redis_address> seeds_;
    std::vector<redis_address> known_;  // primaries and replicas of the last answer
    std::size_t turn_ = 0;
};

}  // namespace bulkhead::redis
