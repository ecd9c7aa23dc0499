// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/sliding_window.hpp"

#include <algorithm>
#include <cmath>

namespace bulkhead::ratelimit {
namespace {

constexpr double rounding = 1e-6;  // of the division below: who waits as long as told is let in

double number(milliseconds time) { return static_cast<double>(time.count()); }
double number(std::int64_t count) { return static_cast<double>(count); }

}  // namespace

void sliding_window::advance(milliseconds now, milliseconds length) {
    const auto age = now - start_;
    if (age < milliseconds::zero()) {
        start_ = now;
    } else if (age >= 2 * length) {
        *this = {};
        start_ = now;
    } else if (age >= length) {
        *this = {start_ + length, milliseconds::zero(), 0, current_, last_};
    }
}

double sliding_window::used(milliseconds now) const {
    const auto inside = now - start_;
    if (inside >= previous_last_) return number(current_);
    return number(current_) + number(previous_) * (1 - number(inside) / number(previous_last_));
}

std::optional<milliseconds> sliding_window::wait(std::int64_t limit, milliseconds now,
                                                 milliseconds length) const {
    if (used(now) + 1 <= number(limit) + rounding) return std::nullopt;
    // When enough of the previous requests have left; of the current ones only after their window's end.
    const auto left = number(limit - 1);
    const auto free = current_ < limit
                          ? number(previous_last_) * (1 - (left - number(current_)) / number(previous_))
                          : number(length) + number(last_) * (1 - left / number(current_));
    return milliseconds{std::max<std::int64_t>(1, std::llround(std::ceil(free - number(now - start_))))};
}

void sliding_window::count(milliseconds now) {
    ++current_;
    last_ = now - start_;
}

}  // namespace bulkhead::ratelimit
