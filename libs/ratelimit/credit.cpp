// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/credit.hpp"

#include <algorithm>
#include <utility>

namespace bulkhead::ratelimit {

void credit::learn(const subjects& of, const standing& at, time now) {
    const auto known = known_.find(of.front().key);
    if (known != known_.end()) {
        if (is_of(known->second, of)) {
            known->second.at = at;
            known->second.heard = now;
        } else if (known->second.unsent + known->second.sent == 0) {
            known_.erase(known);  // its limits were changed
        }
        return;
    }
    if (!at.passes() || at.left < least_left || !make_room(now)) return;
    auto& made = known_[of.front().key];
    for (const auto& each : of) {
        made.keys.push_back(each.key);
        made.rules.push_back(each.rule->script_argument());
    }
    made.at = at;
    made.heard = now;
}

std::optional<standing> credit::spend(const subjects& of, time now) {
    const auto found = known_.find(of.front().key);
    if (found == known_.end()) return std::nullopt;
    auto& known = found->second;
    if (!known.at.passes() || now - known.heard > fresh || !is_of(known, of)) return std::nullopt;
    if (known.at.left < least_left || known.unsent + known.sent >= known.at.left / part) return std::nullopt;
    if (known.unsent++ == 0) owing_.push_back(found->first);
    auto out = known.at;
    out.left -= known.unsent + known.sent;
    const auto age = std::chrono::floor<milliseconds>(now - known.heard);
    out.reset = std::max(out.reset - age, milliseconds::zero());
    return out;
}

credit::debt credit::take() {
    debt out{.name = std::move(owing_.front())};
    owing_.pop_front();
    auto& known = known_.at(out.name);
    out.keys = known.keys;
    out.rules = known.rules;
    out.count = std::exchange(known.unsent, 0);
    known.sent += out.count;
    return out;
}

void credit::settle(const std::string& name, const standing& at, time now) {
    const auto found = known_.find(name);
    if (found == known_.end()) return;
    found->second.sent = 0;
    found->second.at = at;
    found->second.heard = now;
}

/// With what has come to be owed since it was taken.
void credit::forget(const std::string& name) {
    std::erase(owing_, name);
    known_.erase(name);
}

bool credit::is_of(const account& known, const subjects& of) {
    return std::ranges::equal(of, known.keys, {}, &subject::key) &&
           std::ranges::equal(of, known.rules, {}, [](const subject& each) -> const std::string& {
               return each.rule->script_argument();
           });
}

/// Looks through all of them now and then only.
bool credit::make_room(time now) {
    if (known_.size() < most_known) return true;
    if (now - looked_for_room_ < fresh) return false;
    looked_for_room_ = now;
    std::erase_if(known_, [&](const auto& each) {
        const auto& [name, known] = each;
        return known.unsent + known.sent == 0 && now - known.heard > fresh;
    });
    return known_.size() < most_known;
}

}  // namespace bulkhead::ratelimit
