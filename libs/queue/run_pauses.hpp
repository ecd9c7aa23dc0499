// SPDX-License-Identifier: Apache-2.0
// How long job_run waits for what is not its handler. Values, safe anywhere.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/random.hpp"

namespace bulkhead::queue {

/// For what is written about a run; the run's own statements have the run's time.
inline constexpr std::chrono::milliseconds patience_with_rows{5'000};
/// Before the next look at what was away or held.
inline constexpr std::chrono::milliseconds pause_busy{2'000};

/// So that what was held up together does not come back together.
[[nodiscard]] inline std::chrono::milliseconds about(std::chrono::milliseconds time) {
    return std::chrono::milliseconds(
        static_cast<std::int64_t>(static_cast<double>(time.count()) * (1 + jitter() / 2)));
}

}  // namespace bulkhead::queue
