// SPDX-License-Identifier: Apache-2.0
#include "ops/active_users.hpp"

#include <cmath>
#include <functional>

namespace bulkhead::ops {
namespace {

std::int64_t minute_of(steady_clock::time_point now) {
    return std::chrono::floor<std::chrono::minutes>(now.time_since_epoch()).count();
}

}  // namespace

void seen_users::see(std::string_view user, steady_clock::time_point now) noexcept {
    const auto number = minute_of(now);
    auto& slot = ring_[static_cast<std::size_t>(number) % ring_.size()];
    if (slot.number.load(std::memory_order_relaxed) != number) {
        slot.number.store(nothing);
        slot.users.clear();
        slot.number.store(number);
    }
    slot.users.add(std::hash<std::string_view>{}(user));
}

/// A minute that is being cleared at this moment is long past: nobody asks for it.
void seen_users::merge_into(metrics::distinct_sketch& sum, std::int64_t minutes,
                            steady_clock::time_point now) const {
    const auto last = minute_of(now), first = last - minutes;
    for (const auto& each : ring_) {
        const auto number = each.number.load();
        if (number >= first && number <= last) sum.merge(each.users);
    }
}

active_users::active_users(metrics::registry& to) {
    constexpr std::string_view name = "bulkhead_active_users",
                               help = "Different users seen by this process, estimated";
    to.add_gauge_sampler(
        name, help, [this] { return count(5, steady_clock::now()); }, metrics::label("window", "5m"));
    to.add_gauge_sampler(
        name, help, [this] { return count(60, steady_clock::now()); }, metrics::label("window", "1h"));
}

double active_users::count(std::int64_t minutes, steady_clock::time_point now) const {
    metrics::distinct_sketch all;
    for (const auto& each : reactors_) each.merge_into(all, minutes, now);
    return std::round(all.estimate());
}

}  // namespace bulkhead::ops
