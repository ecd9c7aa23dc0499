// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/pool_set.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace bulkhead::postgres {
namespace {

using namespace std::chrono_literals;

constexpr auto upkeep_interval = 1s;
/// For mere comfort nobody gets a connection that its owner used a moment ago.
constexpr auto long_idle = 1s;
/// Looking for a connection to hand over visits all pools.
constexpr auto look_interval = 10ms;
/// The part of the budget that may be on its way from one database to another at a time.
constexpr std::size_t opening_share = 4;

error stopping() {
    return {.code = errc::unavailable, .detail = "the service is stopping", .retry_after = 1s};
}

}  // namespace

pool_set::pool_set(executor ex, pool_settings settings)
    : executor_(ex), settings_(std::move(settings)), budget_(settings_.budget), deadlines_(ex), timer_(ex) {}

pool_set::~pool_set() { stop(); }

template <class Visit>
void pool_set::for_each_pool(Visit visit) const {
    for (const auto& [key, each] : pools_) visit(key, *each);
    for (const auto& [key, each] : retired_) visit(key, *each);
}

void pool_set::start() {
    deadlines_.start();
    upkeep();
}

void pool_set::stop() {
    stopped_ = true;
    timer_.cancel();
    deadlines_.stop();
    hungry_.clear();
    const auto closing = std::exchange(pools_, {});
    const auto retired = std::exchange(retired_, {});
    for (const auto& [key, each] : closing) each->close(stopping());
    for (const auto& [key, each] : retired) each->close(stopping());
}

std::shared_ptr<pool> pool_set::get(std::string_view key, const std::shared_ptr<const conninfo>& target) {
    const auto known = pools_.find(key);
    return known != pools_.end() && known->second->leads_to(target) ? known->second : renewed(key, target);
}

std::shared_ptr<pool> pool_set::get(std::string_view key, const conninfo& target) {
    const auto known = pools_.find(key);
    return known != pools_.end() && known->second->leads_to(target)
               ? known->second
               : renewed(key, std::make_shared<const conninfo>(target));
}

std::shared_ptr<pool> pool_set::renewed(std::string_view key, std::shared_ptr<const conninfo> target) {
    const auto fresh = std::make_shared<pool>(executor_, std::move(target), settings_,
                                              static_cast<connection_budget&>(*this), deadlines_);
    if (stopped_) {
        fresh->close(stopping());
        return fresh;
    }
    if (auto& slot = pools_[std::string(key)]; const auto old = std::exchange(slot, fresh)) {
        retired_.emplace_back(key, old);
        old->wind_down();
    }
    return fresh;
}

void pool_set::close(std::string_view key, const error& why) {
    std::vector<std::shared_ptr<pool>> closing;  // apart: what they wake may come back to us
    if (const auto known = pools_.find(key); known != pools_.end()) {
        closing.push_back(std::move(known->second));
        pools_.erase(known);
    }
    std::erase_if(retired_, [&](auto& entry) {
        if (entry.first != key) return false;
        closing.push_back(std::move(entry.second));
        return true;
    });
    for (const auto& each : closing) each->close(why);
}

void pool_set::set_budget(std::size_t connections) {
    budget_ = connections;
    gauges_.budget.set(static_cast<double>(connections));
    shrink();
    on_progress();
}

/// Gives up what is over the budget.
void pool_set::shrink() {
    const auto now = steady_clock::now();
    while (open_ > budget_ && close_idle(nullptr, now, steady_clock::time_point::max())) {
    }
    if (open_ <= budget_) return;
    std::vector<connection*> busy;
    std::size_t leaving = 0;
    for_each_pool([&](const auto&, const pool& each) {
        leaving += each.retiring();
        each.add_usable(busy);
    });
    std::ranges::sort(busy, {}, &connection::opened_at);
    for (auto* each : busy) {
        if (open_ <= budget_ + leaving) return;
        each->retire();
        ++leaving;
    }
}

bool pool_set::acquire(pool& asking) {
    const auto now = steady_clock::now();
    const bool calm = may_take(now);
    if (open_ < budget_ || (open_ == budget_ && calm && steal_idle(asking, now))) {
        ++open_;
        opening_.push_back(asking.weak_from_this());
        return true;
    }
    if (!asking.starving()) return false;
    if (!feeding_) hungry_.push_back(asking.weak_from_this());
    make_room(now);
    return false;
}

/// Opening a connection costs the server several milliseconds of a processor, whoever waits. With more at a
/// time nobody would be served earlier, and busy databases would lose connections that they need next.
bool pool_set::may_take(steady_clock::time_point now) {
    std::erase_if(opening_, [now](const auto& each) {
        const auto one = each.lock();
        return !one || !one->opening(now);
    });
    return opening_.size() < std::max<std::size_t>(1, budget_ / opening_share);
}

bool pool_set::steal_idle(const pool& asking, steady_clock::time_point now) {
    const auto before = asking.starving() ? steady_clock::time_point::max() : now - long_idle;
    const bool stolen = close_idle(&asking, now, before);
    if (stolen) counters_.stolen.add();
    return stolen;
}

/// Of the connections in other pools than `except` that have been idle since before `before`, the one that is
/// worth least, and of several the one that has been idle longest. The room is for the caller, not for the
/// first in line.
bool pool_set::close_idle(const pool* except, steady_clock::time_point now, steady_clock::time_point before) {
    pool* victim = nullptr;
    std::pair least(std::numeric_limits<double>::max(), before);
    for_each_pool([&](const auto&, pool& each) {
        const auto idle = each.idlest();
        if (&each == except || idle >= before) return;
        if (const std::pair found(each.worth(now), idle); found < least) {
            least = found;
            victim = &each;
        }
    });
    if (!victim) return false;
    const bool was_feeding = std::exchange(feeding_, true);
    const bool freed = victim->close_idlest();
    feeding_ = was_feeding;
    return freed;
}

void pool_set::release() {
    --open_;
    feed();
}

void pool_set::on_progress() {
    if (open_ > budget_) shrink();
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
    if (now < look_again_ || !may_take(now)) return;
    look_again_ = now + look_interval;
    std::size_t coming = 0, most = 0;
    connection* chosen = nullptr;
    for_each_pool([&](const auto&, const pool& each) {
        coming += each.retiring();
        auto* const candidate = each.dispensable(now);
        const auto count = each.usable();
        if (!candidate || count < most || (count == most && candidate->opened_at() >= chosen->opened_at()))
            return;
        most = count;
        chosen = candidate;
    });
    if (!chosen || coming >= hungry_.size()) return;
    chosen->retire();
    counters_.stolen.add();
}

void pool_set::upkeep() {
    const auto now = steady_clock::now();
    const auto unused = [now](const auto& entry) {
        return entry.second->tidy(now) && entry.second.use_count() == 1;
    };
    std::erase_if(pools_, unused);
    std::erase_if(retired_, unused);
    on_progress();
    refresh_gauges();
    timer_.expires_after(upkeep_interval);
    timer_.async_wait([this](error_code ec) {
        if (!ec && !stopped_) upkeep();
    });
}

void pool_set::refresh_gauges() {
    std::size_t idle = 0, connections = 0, waiting = 0, failing = 0;
    for_each_pool([&](const auto&, const pool& each) {
        const auto one = each.usage();
        idle += one.idle;
        connections += one.connections;
        waiting += one.waiting;
        failing += one.failing ? 1 : 0;
    });
    gauges_.idle.set(static_cast<double>(idle));
    gauges_.busy.set(static_cast<double>(connections - idle));
    gauges_.connecting.set(static_cast<double>(open_ - connections));
    gauges_.budget.set(static_cast<double>(budget_));
    gauges_.waiting.set(static_cast<double>(waiting));
    gauges_.failing.set(static_cast<double>(failing));
}

pool_usage pool_set::usage() const {
    pool_usage sum{};
    for_each_pool([&](const auto&, const pool& each) {
        const auto one = each.usage();
        sum.connections += one.connections;
        sum.idle += one.idle;
        sum.in_flight += one.in_flight;
        sum.waiting += one.waiting;
        sum.failing = sum.failing || one.failing;
    });
    return sum;
}

pool_set_report pool_set::report() const {
    pool_set_report out;
    auto& sum = out.totals;
    for_each_pool([&](const auto& key, const pool& each) {
        out.pools.push_back(each.report(key));
        sum.waiting += out.pools.back().waiting;
        sum.failing += out.pools.back().failing ? 1 : 0;
    });
    sum.budget = budget_;
    sum.open = open_;
    sum.hungry = hungry_.size();
    sum.opened = counters_.opened.value();
    sum.closed = counters_.closed.value();
    sum.stolen = counters_.stolen.value();
    sum.timed_out_waiting = counters_.timed_out_waiting.value();
    sum.connect_failures = counters_.connect_failures.value();
    sum.refused = counters_.refused.value();
    return out;
}

}  // namespace bulkhead::postgres
