// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/pool_set.hpp"

#include <algorithm>
#include <utility>

namespace bulkhead::postgres {
namespace {

using namespace std::chrono_literals;

constexpr auto upkeep_interval = 1s;
/// For mere comfort nobody gets a connection that its owner used a moment ago.
constexpr auto long_idle = 1s;
/// Looking for a connection to hand over visits all pools.
constexpr auto look_interval = 10ms;

}  // namespace

pool_set::pool_set(executor ex, pool_settings settings)
    : executor_(ex), settings_(std::move(settings)), deadlines_(ex), timer_(ex) {}

pool_set::~pool_set() { stop(); }

void pool_set::start() {
    deadlines_.start();
    upkeep();
}

void pool_set::stop() {
    stopped_ = true;
    timer_.cancel();
    deadlines_.stop();
    hungry_.clear();
    const auto closing = std::move(pools_);
    pools_.clear();
    for (const auto& [key, each] : closing) each->close();
}

std::shared_ptr<pool> pool_set::get(const std::string& key, const conninfo& target) {
    auto& slot = pools_[key];
    if (slot) return slot;
    slot = std::make_shared<pool>(executor_, target, settings_, static_cast<connection_budget&>(*this),
                                  deadlines_);
    if (stopped_) slot->close();
    return slot;
}

bool pool_set::acquire(pool& asking) {
    const auto now = steady_clock::now();
    if (open_ < settings_.budget || steal_idle(asking, now)) {
        ++open_;
        return true;
    }
    if (!asking.starving()) return false;
    if (!feeding_) hungry_.push_back(asking.weak_from_this());
    make_room(now);
    return false;
}

bool pool_set::steal_idle(const pool& asking, steady_clock::time_point now) {
    auto since = asking.starving() ? steady_clock::time_point::max() : now - long_idle;
    pool* victim = nullptr;
    for (const auto& [key, each] : pools_)
        if (const auto idle = each->idlest(); each.get() != &asking && idle < since) {
            since = idle;
            victim = each.get();
        }
    if (!victim) return false;
    const bool was_feeding =
        std::exchange(feeding_, true);  // the room is for `asking`, not for the first in line
    const bool freed = victim->close_idlest();
    feeding_ = was_feeding;
    return freed;
}

void pool_set::release() {
    --open_;
    feed();
}

void pool_set::on_progress() {
    if (hungry_.empty()) return;
    feed();
    if (!hungry_.empty()) make_room(steady_clock::now());
}

/// Gives what there is to those who starve, in order.
void pool_set::feed() {
    if (std::exchange(feeding_, true)) return;
    while (!hungry_.empty()) {
        const auto first = hungry_.front().lock();
        if (first) first->retry();
        if (first && first->starving()) break;
        hungry_.pop_front();
    }
    feeding_ = false;
}

/// Chooses the connection that the next in line will get, from the pool that has most, then the one used
/// longest.
void pool_set::make_room(steady_clock::time_point now) {
    if (now < look_again_) return;
    look_again_ = now + look_interval;
    std::size_t coming = 0, most = 0;
    connection* chosen = nullptr;
    for (const auto& [key, each] : pools_) {
        coming += each->retiring();
        auto* const candidate = each->dispensable(now);
        const auto count = each->usable();
        if (!candidate || count < most || (count == most && candidate->opened_at() >= chosen->opened_at()))
            continue;
        most = count;
        chosen = candidate;
    }
    if (chosen && coming < hungry_.size()) chosen->retire();
}

void pool_set::upkeep() {
    const auto now = steady_clock::now();
    std::erase_if(pools_, [now](const auto& entry) {
        return entry.second->tidy(now) && entry.second.use_count() == 1;
    });
    on_progress();
    timer_.expires_after(upkeep_interval);
    timer_.async_wait([this](error_code ec) {
        if (!ec && !stopped_) upkeep();
    });
}

pool_usage pool_set::usage() const {
    pool_usage sum{};
    for (const auto& [key, each] : pools_) {
        const auto one = each->usage();
        sum.connections += one.connections;
        sum.idle += one.idle;
        sum.in_flight += one.in_flight;
        sum.waiting += one.waiting;
        sum.failing = sum.failing || one.failing;
    }
    return sum;
}

}  // namespace bulkhead::postgres
