// SPDX-License-Identifier: Apache-2.0
#include "http/admission_limit.hpp"

#include <algorithm>
#include <utility>

namespace bulkhead::http {
namespace {

constexpr double growth = 1.1;
constexpr double deepest_cut = 0.7;  // of one window
constexpr double lag_cut = 0.9;
constexpr double learning = 0.2;  // weight of a new median in the baseline

}  // namespace

std::chrono::nanoseconds admission_limit::sample_set::take_median() noexcept {
    const auto count = static_cast<std::ptrdiff_t>(std::min(std::exchange(seen, 0), kept.size()));
    const auto middle = kept.begin() + count / 2;
    std::nth_element(kept.begin(), middle, kept.begin() + count);
    return *middle;
}

admission_limit::admission_limit(const limit_settings& settings)
    : settings_(settings),
      limit_(static_cast<double>(std::clamp(settings.initial, settings.least, settings.most))) {}

void admission_limit::observe(std::chrono::nanoseconds took, std::size_t together, bool quiet) {
    if (settings_.fixed()) return;
    all_.add(took);
    if (quiet) quiet_.add(took);
    busiest_ = std::max(busiest_, together);
}

std::chrono::nanoseconds admission_limit::target() const noexcept {
    const auto tolerated = std::chrono::nanoseconds{
        static_cast<std::int64_t>(static_cast<double>(baseline_.count()) * settings_.tolerance)};
    return std::max<std::chrono::nanoseconds>(tolerated, settings_.floor);
}

void admission_limit::update(clock::time_point now, bool lagging) {
    if (settings_.fixed() || now - decided_ < settings_.window) return;
    if (lagging) {
        limit_ *= lag_cut;
        decided_ = now;
    } else if (all_.seen < enough) {
        return;  // too little is asked to learn from
    }
    // When the limit has shrunk to its least, everything is quiet: work that has become slower by itself is
    // told from work that waits for other work.
    if (quiet_.seen >= enough) {
        const auto median = quiet_.take_median();
        const auto step = static_cast<double>((median - baseline_).count()) * learning;
        baseline_ = baseline_.count() == 0
                        ? median
                        : baseline_ + std::chrono::nanoseconds{static_cast<std::int64_t>(step)};
    }
    if (!lagging) {
        const auto median = all_.take_median();
        const auto ratio = static_cast<double>(target().count()) /
                           static_cast<double>(std::max<std::int64_t>(1, median.count()));
        if (ratio < 1)
            limit_ *= std::max(deepest_cut, ratio);
        else if (static_cast<double>(busiest_) * 2 >= limit_)  // what is not used proves nothing
            limit_ *= growth;
        busiest_ = 0;
        decided_ = now;
    }
    limit_ = std::clamp(limit_, static_cast<double>(settings_.least), static_cast<double>(settings_.most));
}

}  // namespace bulkhead::http
