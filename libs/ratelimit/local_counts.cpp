// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/local_counts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bulkhead::ratelimit {
namespace {

/// Judges a request by windows that have been advanced to now.
standing judge(std::span<const subject> of, std::span<const window_states> states, milliseconds now) {
    standing out{.left = std::numeric_limits<std::int64_t>::max()};
    for (std::size_t s = 0; s < of.size(); ++s)
        for (std::size_t w = 0; w < of[s].rule->windows().size(); ++w) {
            const auto& [count, length] = of[s].rule->windows()[w];
            const auto& at = states[s][w];
            if (const auto wait = at.wait(count, now, length)) {
                if (*wait > out.wait) out = {*wait, s, w, 0, *wait};
                continue;
            }
            const auto left = std::max<std::int64_t>(
                0, std::llround(std::floor(static_cast<double>(count) - (at.used(now) + 1))));
            if (out.passes() && left < out.left)
                out = {milliseconds::zero(), s, w, left, at.left_of_window(now, length)};
        }
    return out;
}

}  // namespace

standing local_counts::check(std::span<const subject> of, milliseconds now) {
    const std::scoped_lock lock(guard_);
    forget(of.size());
    boost::container::static_vector<window_states, subjects::static_capacity> states;
    for (const auto& each : of) {
        auto& state = states.emplace_back(find(each.key));
        const auto& limits = each.rule->windows();
        for (std::size_t w = 0; w < limits.size(); ++w) state[w].advance(now, limits[w].length);
    }
    const auto out = judge(of, states, now);
    if (!out.passes()) return out;  // and nothing has happened
    for (std::size_t s = 0; s < of.size(); ++s) {
        for (std::size_t w = 0; w < of[s].rule->windows().size(); ++w) states[s][w].count(now);
        find(of[s].key) = states[s];
    }
    return out;
}

std::int64_t local_counts::counted(const subject& of, milliseconds now) const {
    const std::scoped_lock lock(guard_);
    for (const auto* const generation : {&young_, &old_})
        if (const auto found = generation->find(of.key); found != generation->end()) {
            auto first = found->second.front();
            first.advance(now, of.rule->windows().front().length);
            return std::llround(std::ceil(first.used(now)));
        }
    return 0;
}

std::size_t local_counts::entries() const {
    const std::scoped_lock lock(guard_);
    return young_.size() + old_.size();
}

void local_counts::forget(std::size_t coming) {
    if (young_.size() + coming <= generation_) return;
    old_ = std::move(young_);
    young_ = {};
}

window_states& local_counts::find(const std::string& key) {
    if (const auto found = young_.find(key); found != young_.end()) return found->second;
    if (auto aged = old_.extract(key)) return young_.insert(std::move(aged)).position->second;
    return young_[key];
}

}  // namespace bulkhead::ratelimit
