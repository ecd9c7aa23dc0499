// SPDX-License-Identifier: Apache-2.0
// What is known of a kind of job before any job of it exists. Plain values, the same in every process.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/error.hpp"

namespace bulkhead::queue {

/// How urgent a kind is compared with others. Each lane has slots of its own in a worker; what is idle may be
/// borrowed. Urgency is the product's to decide, not a tenant's: within a tenant there is `priority`.
enum class lane : std::uint8_t { critical, normal, bulk };
inline constexpr std::size_t lanes = 3;

/// Which of a tenant's jobs of one lane come first.
enum class priority : std::uint8_t { high, normal, low };
inline constexpr std::size_t priorities = 3;

/// Where a job is kept until it is done.
enum class durability : std::uint8_t {
    database,  // a row in the tenant's database; Redis may lose everything
    redis,     // in Redis only, its payload too: for what is made anew anyway
};

/// As in keys, columns, metrics and answers: "critical", "default", "bulk".
[[nodiscard]] std::string_view lane_name(lane which) noexcept;
/// "high", "normal", "low".
[[nodiscard]] std::string_view priority_name(priority which) noexcept;

/// When a run that failed is repeated.
struct retry_policy {
    unsigned attempts = 8;                      // runs, the first one included
    std::chrono::milliseconds first{2'000};     // the wait after the first failure; then it doubles …
    std::chrono::milliseconds most{3'600'000};  // … up to this
};

/// The wait before the run that follows run number `attempt` (from 1): half of the doubled time, and up to as
/// much again by `chance` in [0, 1), so that what failed together does not come back together. What the
/// other side asked for (Retry-After) counts if it is longer.
[[nodiscard]] std::chrono::milliseconds wait_after(const retry_policy& rules, unsigned attempt, double chance,
                                                   std::chrono::milliseconds asked = {});

struct kind_rules {
    std::string_view name;  // "mail.send", see check_kind_name
    queue::lane lane = queue::lane::normal;
    durability kept = durability::database;
    retry_policy retry{};
    std::chrono::milliseconds time_limit{60'000};  // of one run: then it is cancelled, and has failed
    std::int16_t version = 1;  // of the payload; a job with a newer one waits for a newer worker
};

/// Words of a-z, 0-9 and _ that begin with a letter, dots between, at most 64 bytes: what the table takes
/// too. errc::validation_failed on /kind.
[[nodiscard]] result<> check_kind_name(std::string_view name);

/// Bytes of a payload's JSON text.
inline constexpr std::size_t longest_payload = 64 * 1024;       // in a database
inline constexpr std::size_t longest_redis_payload = 8 * 1024;  // in Redis
inline constexpr std::size_t longest_unique_key = 200;

}  // namespace bulkhead::queue
