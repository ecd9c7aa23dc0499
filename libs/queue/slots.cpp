// SPDX-License-Identifier: Apache-2.0
#include "queue/slots.hpp"

#include <numeric>

namespace bulkhead::queue {

lane_numbers part_of(const lane_numbers& all, std::size_t index, std::size_t count) {
    lane_numbers out{};
    for (std::size_t i = 0; i < lanes; ++i)
        out[i] = static_cast<unsigned>(all[i] / count + (index < all[i] % count ? 1 : 0));
    return out;
}

unsigned most_of(const lane_numbers& own, lane which) { return slots(own).take_up_to(which, ~0U); }

unsigned slots::in_use(std::size_t lender) const {
    unsigned out = 0;
    for (const auto& of : held_) out += of[lender];
    return out;
}

bool slots::lends(std::size_t lender, std::size_t borrower) const {
    if (in_use(lender) >= own_[lender]) return false;
    if (lender == borrower) return true;
    const auto lent = in_use(lender) - held_[lender][lender];
    const bool to_more_urgent = borrower < lender;
    return lent < (to_more_urgent ? own_[lender] - 1 : own_[lender] / 2);
}

std::size_t slots::lender_for(lane which) const {
    const auto mine = at(which);
    if (lends(mine, mine)) return mine;
    // The least urgent lane first, then up to the most urgent one.
    for (std::size_t other = lanes; other-- > 0;)
        if (other != mine && lends(other, mine)) return other;
    return lanes;
}

bool slots::take(lane which) {
    const auto lender = lender_for(which);
    if (lender == lanes) return false;
    ++held_[at(which)][lender];
    return true;
}

unsigned slots::take_up_to(lane which, unsigned most) {
    unsigned taken = 0;
    while (taken < most && take(which)) ++taken;
    return taken;
}

void slots::release(lane which) {
    auto& held = held_[at(which)];
    for (std::size_t lender = 0; lender < lanes; ++lender) {
        if (lender == at(which) || held[lender] == 0) continue;
        --held[lender];
        return;
    }
    --held[at(which)];
}

unsigned slots::running(lane which) const {
    const auto& held = held_[at(which)];
    return std::accumulate(held.begin(), held.end(), 0U);
}

unsigned slots::running() const {
    unsigned out = 0;
    for (std::size_t i = 0; i < lanes; ++i) out += running(static_cast<lane>(i));
    return out;
}

}  // namespace bulkhead::queue
