// SPDX-License-Identifier: Apache-2.0
#include "runtime/deadline_list.hpp"

namespace bulkhead::runtime {

void deadline_list::start() {
    running_ = true;
    arm();
}

void deadline_list::stop() {
    running_ = false;
    timer_.cancel();
}

void deadline_list::arm() {
    timer_.expires_after(interval);
    timer_.async_wait([this](error_code ec) {
        if (ec || !running_) return;
        sweep(steady_clock::now());
        arm();
    });
}

void deadline_list::sweep(steady_clock::time_point now) {
    // on_deadline may destroy its own entry or others: expired ones wait in a list of their own, which
    // survives that.
    decltype(entries_) expired;
    for (auto it = entries_.begin(); it != entries_.end();) {
        auto& entry = *it++;
        if (entry.expires_at_ > now) continue;
        entry.unlink();
        expired.push_back(entry);
    }
    while (!expired.empty()) {
        auto& entry = expired.front();
        entry.unlink();
        entries_.push_back(entry);
        entry.expires_at_ = deadline_entry::never;
        entry.on_deadline();
    }
}

}  // namespace bulkhead::runtime
