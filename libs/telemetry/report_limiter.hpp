// SPDX-License-Identifier: Apache-2.0
// Lets a few of many reports that are alike through. A plain value without a clock; belongs to one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <unordered_map>

namespace bulkhead::telemetry {

class report_limiter {
public:
    using clock = std::chrono::steady_clock;

    /// Kinds that are told apart; one more is let through only when another one's minute is over.
    static constexpr std::size_t most_kinds = 256;

    /// At most `a_minute` of one `kind`. How many were held back since the last that was let through;
    /// nullopt: this one is held back, too.
    std::optional<std::uint64_t> admit(std::uint64_t kind, unsigned a_minute, clock::time_point now);

private:
    struct window {
        clock::time_point since{};
        unsigned admitted = 0;
        std::uint64_t held_back = 0;
    };
    std::unordered_map<std::uint64_t, window> windows_;
};

}  // namespace bulkhead::telemetry
