// SPDX-License-Identifier: Apache-2.0
// Which server a connection is to be made to, found out anew each time: the one of the endpoint, the primary
// that the sentinels name, or a node of the cluster. Private to redis_keeper; one thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "persistence/redis/inquiry.hpp"
#include "persistence/redis/topology.hpp"

namespace bulkhead::redis {

class redis_locator {
public:
    /// `slot`: of a cluster, only the node that serves it will do; nullopt: any.
    redis_locator(executor where, const redis_endpoint& endpoint, redis_connection_limits limits,
                  std::optional<std::uint16_t> slot);

    /// One server. The error is a sentence for logs.
    awaitable<std::expected<redis_endpoint, std::string>> find();

    /// Who was found did not answer, or was not what it should be: another one is asked first next time.
    void doubt() noexcept { ++turn_; }

    /// Ends what is under way, for good.
    void cancel();

private:
    awaitable<std::expected<redis_endpoint, std::string>> find_primary();
    awaitable<std::expected<redis_endpoint, std::string>> find_owner();
    [[nodiscard]] std::vector<redis_address> seeds_in_turn() const;

    redis_endpoint endpoint_;
    std::optional<std::uint16_t> slot_;
    std::optional<redis_inquiry> sentinels_;
    std::optional<redis_topology> cluster_;
    std::size_t turn_ = 0;
};

}  // namespace bulkhead::redis
