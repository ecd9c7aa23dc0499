// SPDX-License-Identifier: Apache-2.0
// Who a Redis server says that it is, and whether it is a primary: what its owner must know that relies on
// data being still there. Plain values and functions; safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "persistence/redis/reply.hpp"

namespace bulkhead::redis {

/// Of the server at the other end. `run_id` is another one after each start of the process, `replication_id`
/// after each failover (and now and then else). When either differs from what it was, writes may be missing:
/// the server has started anew, perhaps from an older state, or another one has taken over, which had perhaps
/// not seen the last of them. Both are empty when the server does not tell (no permission for INFO): then
/// nothing is known, which is to be taken as a change.
struct redis_identity {
    std::string server;  // host:port, or the path of a socket
    std::string run_id;
    std::string replication_id;

    friend bool operator==(const redis_identity&, const redis_identity&) = default;
};

/// The value of a line "name:value" of INFO; "" when there is none.
std::string_view info_value(std::string_view info, std::string_view name) noexcept;

/// Why the server of this answer to ROLE is no primary, for logs; empty: it is one.
std::string complain_about_role(const redis_reply& role);

}  // namespace bulkhead::redis
