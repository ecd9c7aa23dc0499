// SPDX-License-Identifier: Apache-2.0
#include "features/webhooks/retries.hpp"

#include <algorithm>
#include <array>

namespace bulkhead::webhooks {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::chrono::milliseconds, 9> waits{5s, 5min, 30min, 2h, 5h, 10h, 14h, 20h, 24h};
constexpr std::chrono::milliseconds longest_asked = 24h;
constexpr double spread = 0.2;

}  // namespace

unsigned most_calls() noexcept { return waits.size() + 1; }

std::optional<std::chrono::milliseconds> wait_after_call(unsigned calls, double chance,
                                                         std::chrono::seconds asked) {
    if (calls == 0 || calls > waits.size()) return std::nullopt;
    const auto least = waits[calls - 1];
    const auto more = static_cast<double>(least.count()) * spread * chance;
    const auto wanted = std::min<std::chrono::milliseconds>(asked, longest_asked);
    return std::max(least + std::chrono::milliseconds(static_cast<std::int64_t>(more)), wanted);
}

}  // namespace bulkhead::webhooks
