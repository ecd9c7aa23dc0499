// SPDX-License-Identifier: Apache-2.0
// A bounded queue from many threads to one that takes its time: who puts never waits for who takes, and what
// does not fit is refused. The lock is held for a move of one item, or for a swap.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace bulkhead::telemetry {

template <class Item>
class mailbox {
public:
    using clock = std::chrono::steady_clock;

    /// Items weigh what put() says; `capacity` is the most that waits, `batch` what is worth taking at once.
    mailbox(std::size_t capacity, std::size_t batch) : capacity_(capacity), batch_(batch) {}

    /// False: full, or closed; the item is gone.
    bool put(Item item, std::size_t weight = 1) {
        bool wake = false;
        {
            const std::lock_guard hold(guard_);
            if (closed_ || weight_ + weight > capacity_) return false;
            const auto before = weight_;
            weight_ += weight;
            items_.emplace_back(std::move(item), weight);
            // Only on the step over a threshold: a notification is a system call.
            wake = before == 0 || (before < batch_ && weight_ >= batch_);
        }
        if (wake) changed_.notify_one();
        return true;
    }

    /// Waits until there is a batch, or until the first item has waited for `linger`, or until it is closed.
    /// At most a batch (and one item more); empty only when it is closed and nothing is left.
    std::vector<Item> take(std::chrono::milliseconds linger) {
        std::unique_lock hold(guard_);
        changed_.wait(hold, [&] { return closed_ || weight_ > 0; });
        const auto until = clock::now() + linger;
        changed_.wait_until(hold, until, [&] { return closed_ || weight_ >= batch_; });
        std::vector<Item> out;
        for (std::size_t taken = 0; !items_.empty() && taken < batch_;) {
            auto& [item, weight] = items_.front();
            taken += weight;
            weight_ -= weight;
            out.push_back(std::move(item));
            items_.pop_front();
        }
        return out;
    }

    /// Nothing more is put; what is here can be taken.
    void close() {
        {
            const std::lock_guard hold(guard_);
            closed_ = true;
        }
        changed_.notify_all();
    }

    /// Waits, unless it is closed. True: it is.
    bool wait_closed(clock::time_point until) {
        std::unique_lock hold(guard_);
        return changed_.wait_until(hold, until, [&] { return closed_; });
    }

    /// What waits. Safe from any thread.
    [[nodiscard]] std::size_t weight() const {
        const std::lock_guard hold(guard_);
        return weight_;
    }

private:
    const std::size_t capacity_, batch_;
    mutable std::mutex guard_;
    std::condition_variable changed_;
    std::deque<std::pair<Item, std::size_t>> items_;
    std::size_t weight_ = 0;
    bool closed_ = false;
};

}  // namespace bulkhead::telemetry
