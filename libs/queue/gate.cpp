// SPDX-License-Identifier: Apache-2.0
#include "queue/gate.hpp"

#include <algorithm>
#include <utility>

namespace bulkhead::queue {
namespace {

using namespace std::chrono_literals;

/// What is fetched ahead is to begin within this time if all goes as usual …
constexpr auto usual_wait = 20ms;
/// … and is given back after this one, since others could run it meanwhile; then a lane's jobs count as long
/// for a while.
constexpr auto longest_wait = 100ms;
constexpr auto long_run = 1s;
constexpr unsigned most_ahead = 64;
/// So many runs tell how long they usually are.
constexpr unsigned enough_seen = 16;

}  // namespace

unsigned gate::ahead(lane which) const {
    const auto& of = at(which);
    if (closed_ || of.seen < enough_seen || of.usual > usual_wait) return 0;
    if (of.with_slot == 0 && !slots_.has_room(which)) return 0;  // others have borrowed them all
    const auto one = std::max<steady_clock::duration>(of.usual, 10us);
    return static_cast<unsigned>(
        std::min<std::int64_t>(most_ahead, most_of(own_, which) * (usual_wait / one)));
}

unsigned gate::limit(lane which) const { return most_of(own_, which) + ahead(which); }

bool gate::wants_more(lane which) const {
    if (closed_) return false;
    const auto in_flight = at(which).in_flight;
    if (is_ahead(which)) return in_flight <= limit(which) / 2;
    return slots_.has_room(which) && in_flight < limit(which);
}

unsigned gate::begin_fetch(lane which, unsigned most) {
    if (!wants_more(which)) return 0;
    auto& of = at(which);
    most = std::min(most, limit(which) - of.in_flight);
    const auto without = of.in_flight - of.with_slot;
    const auto further = ahead(which) > without ? ahead(which) - without : 0;
    of.kept = slots_.take_up_to(which, most);
    return std::min(most, of.kept + further);
}

gate::pass_ptr gate::admit(lane which) {
    auto& of = at(which);
    const bool held = of.kept > 0;
    if (held) {
        --of.kept;
        ++of.with_slot;
    }
    ++of.in_flight;
    return pass_ptr(new pass(*this, which, held));
}

void gate::end_fetch(lane which) {
    auto& of = at(which);
    for (; of.kept > 0; --of.kept) slots_.release(which);
    call_next();
}

awaitable<bool> gate::pass::enter() {
    if (held_) co_return true;
    auto& of = gate_.at(lane_);
    if (!gate_.closed_) {
        waits_ = true;
        of.waiting.push_back(this);
        bell_.expires_after(longest_wait);
        gate_.call_next();
    }
    while (waits_ && !gate_.closed_ && steady_clock::now() < bell_.expiry()) {
        co_await bell_.async_wait(use_tuple);
    }
    if (std::exchange(waits_, false)) {
        std::erase(of.waiting, this);
        if (!gate_.closed_) of.usual = std::max<steady_clock::duration>(of.usual, long_run);
    }
    since_ = steady_clock::now();
    co_return held_;
}

void gate::leave(pass& of) {
    if (!std::exchange(of.held_, false)) return;
    auto& its = at(of.lane_);
    const auto took = steady_clock::now() - of.since_;
    its.seen = std::min(its.seen + 1, enough_seen);
    its.usual = its.seen == 1 ? took : (its.usual * 15 + took) / 16;
    --its.with_slot;
    slots_.release(of.lane_);
    call_next();
}

void gate::forget(pass& of) {
    auto& its = at(of.lane_);
    if (of.waits_) std::erase(its.waiting, &of);
    if (of.held_) {
        --its.with_slot;
        slots_.release(of.lane_);
    }
    --its.in_flight;
    call_next();
}

/// The most urgent lane first.
void gate::call_next() {
    for (std::size_t i = 0; i < lanes; ++i) {
        const auto which = static_cast<lane>(i);
        auto& of = at(which);
        while (!of.waiting.empty() && slots_.take(which)) {
            auto& next = *of.waiting.front();
            of.waiting.pop_front();
            next.waits_ = false;
            next.held_ = true;
            ++of.with_slot;
            next.bell_.cancel();
        }
    }
}

void gate::close() {
    closed_ = true;
    for (auto& of : lanes_)
        for (auto* each : of.waiting) each->bell_.cancel();
}

}  // namespace bulkhead::queue
