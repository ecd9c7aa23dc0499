// SPDX-License-Identifier: Apache-2.0
#include "telemetry/sentry_limits.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"

namespace bulkhead::telemetry {
namespace {

using std::chrono::seconds;

constexpr seconds unless_told{60};
constexpr seconds most{24 * 3600};

/// One of "60:error;transaction:organization:reason"; no category means all of them.
seconds pause_of(std::string_view limit) {
    const auto parts = split(trim(limit), ':');
    std::int64_t wait = 0;
    std::from_chars(parts[0].data(), parts[0].data() + parts[0].size(), wait);
    const auto categories = parts.size() > 1 ? split(parts[1], ';') : std::vector<std::string_view>{""};
    const bool ours = std::ranges::any_of(
        categories, [](std::string_view name) { return name.empty() || name == "error"; });
    return ours ? seconds{std::clamp<std::int64_t>(wait, 0, most.count())} : seconds{0};
}

}  // namespace

seconds pause_after(const send_result& answer) {
    if (!answer.rate_limits.empty()) {
        seconds out{0};
        for (const auto limit : split(answer.rate_limits, ',')) out = std::max(out, pause_of(limit));
        return out;
    }
    return answer.status == 429 ? std::min(answer.retry_after.value_or(unless_told), most) : seconds{0};
}

}  // namespace bulkhead::telemetry
