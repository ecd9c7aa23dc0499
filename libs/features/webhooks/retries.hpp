// SPDX-License-Identifier: Apache-2.0
// When a delivery that failed is tried again: soon at first, then over three days, as the Standard Webhooks
// specification recommends. Pure.
#pragma once

#include <chrono>
#include <optional>

namespace bulkhead::webhooks {

/// Calls of one delivery at most.
[[nodiscard]] unsigned most_calls() noexcept;

/// The wait behind call number `calls` (from 1), up to a fifth longer by `chance` in [0, 1), so that what
/// failed together does not come back together; longer too if the receiver asked for that, up to a day.
/// nullopt: that was the last one.
[[nodiscard]] std::optional<std::chrono::milliseconds> wait_after_call(unsigned calls, double chance,
                                                                       std::chrono::seconds asked);

}  // namespace bulkhead::webhooks
