// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/pool_set.hpp"

#include <algorithm>
#include <utility>

namespace bulkhead::postgres {
namespace {

constexpr std::chrono::seconds upkeep_interval{1};

}  // namespace

pool_set::pool_set(executor ex, pool_settings settings)
    : executor_(ex), settings_(std::move(settings)), deadlines_(ex), timer_(ex) {}

pool_set::~pool_set() { stop(); }

void pool_set::start() {
    deadlines_.start();
    upkeep();
}

void pool_set::stop() {
    timer_.cancel();
    deadlines_.stop();
    auto closing = std::move(pools_);
    pools_.clear();
    for (auto& [key, each] : closing) each->close();
}

std::shared_ptr<pool> pool_set::get(const std::string& key, const conninfo& target) {
    auto& slot = pools_[key];
    if (!slot) slot = std::make_shared<pool>(executor_, target, settings_, static_cast<connection_budget&>(*this), deadlines_);
    return slot;
}

bool pool_set::acquire(pool& asking) {
    if (open_ >= settings_.budget) {
        pool* victim = nullptr;
        for (auto& [key, each] : pools_)
            if (each.get() != &asking && (!victim || each->idlest() < victim->idlest())) victim = each.get();
        if (!victim) return false;
        const bool was_feeding = std::exchange(feeding_, true);  // the room is for `asking`, not for whoever starves
        const bool freed = victim->close_idlest();
        feeding_ = was_feeding;
        if (!freed) return false;
    }
    ++open_;
    return true;
}

void pool_set::release() {
    --open_;
    feed_the_starving();
}

void pool_set::on_idle(pool&) {
    if (open_ >= settings_.budget) feed_the_starving();
}

/// Gives room in the budget to a pool whose requests wait without any connection.
void pool_set::feed_the_starving() {
    if (std::exchange(feeding_, true)) return;  // closing a connection for one ends up here again
    for (auto& [key, each] : pools_)
        if (each->starving()) each->retry();
    feeding_ = false;
}

void pool_set::upkeep() {
    const auto now = steady_clock::now();
    std::erase_if(pools_, [now](const auto& entry) { return entry.second->tidy(now) && entry.second.use_count() == 1; });
    feed_the_starving();
    timer_.expires_after(upkeep_interval);
    timer_.async_wait([this](error_code ec) {
        if (!ec) upkeep();
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
