// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a Redis cluster: which slot a key and a command belong to, and what nodes say about who
// serves which slot. Plain functions and values; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/redis/endpoint.hpp"
#include "persistence/redis/reply.hpp"

namespace bulkhead::redis {

inline constexpr std::uint16_t slot_count = 16384;

/// CRC-16/XMODEM of the key, or of its hash tag: what stands between the first '{' and the next '}', when
/// that is not empty. Keys with the same tag are in the same slot.
std::uint16_t slot_of_key(std::string_view key) noexcept;

/// The first key of a command; nullopt: it has none (PING, TIME, EVAL with 0 keys) and any node can do it. A
/// command that is not known here is taken to have its key in the first place, as most have; should that be
/// wrong, the node that is asked names the right one (MOVED).
std::optional<std::string_view> first_key(const std::vector<std::string>& argv) noexcept;

/// The slot of its first key.
std::optional<std::uint16_t> slot_of_command(const std::vector<std::string>& argv) noexcept;

/// Slots `first` to `last` are served by `primary`.
struct slot_range {
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    redis_address primary{};
    std::vector<redis_address> replicas{};
};

/// The reply to CLUSTER SLOTS; what makes no sense in it is left out. A node whose host is not told is where
/// `asked` is. Empty: it is no such reply, or no slot is served.
std::vector<slot_range> read_slots(const redis_reply& reply, const redis_address& asked);

/// The destination of "MOVED 3999 127.0.0.1:6381", or ASK.
struct redirection {
    std::uint16_t slot = 0;
    redis_address to{};
};

/// nullopt when the message is of no such form. A node whose host is not told is where `asked` is.
std::optional<redirection> read_redirection(std::string_view message, const redis_address& asked);

}  // namespace bulkhead::redis
