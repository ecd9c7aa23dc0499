// SPDX-License-Identifier: Apache-2.0
#include "queue/lease_book.hpp"

namespace bulkhead::queue {

void lease::ask_to_stop(stop_reason why) noexcept {
    auto before = stop_.load(std::memory_order_relaxed);
    while (before == stop_reason::none || (why == stop_reason::lost && before != why))
        if (stop_.compare_exchange_weak(before, why, std::memory_order_relaxed)) return;
}

void lease::tell(run_progress what) {
    const std::lock_guard lock(guard_);
    progress_ = std::move(what);
}

run_progress lease::progress() const {
    const std::lock_guard lock(guard_);
    return progress_;
}

void lease_book::add(std::shared_ptr<lease> one) {
    const std::lock_guard lock(guard_);
    const auto id = one->id();
    all_.insert_or_assign(id, std::move(one));
}

void lease_book::remove(const lease& one) {
    const std::lock_guard lock(guard_);
    const auto it = all_.find(one.id());
    if (it != all_.end() && it->second.get() == &one) all_.erase(it);
}

std::shared_ptr<lease> lease_book::find(const uuid& id) const {
    const std::lock_guard lock(guard_);
    const auto it = all_.find(id);
    return it != all_.end() ? it->second : nullptr;
}

bool lease_book::has(const lease& one) const { return find(one.id()).get() == &one; }

std::size_t lease_book::size() const {
    const std::lock_guard lock(guard_);
    return all_.size();
}

std::map<place, std::vector<std::shared_ptr<lease>>> lease_book::by_place() const {
    const auto now = lease::clock::now();
    std::map<place, std::vector<std::shared_ptr<lease>>> out;
    const std::lock_guard lock(guard_);
    for (const auto& [id, one] : all_)
        if (one->until() > now && one->stop() != stop_reason::lost) out[one->where()].push_back(one);
    return out;
}

}  // namespace bulkhead::queue
