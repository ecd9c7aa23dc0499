// SPDX-License-Identifier: Apache-2.0
// How many different users were seen lately, for a gauge. A sketch a minute and reactor: 130 KB each, whoever
// comes; the number is an estimate with a standard error of 2.3 %. Users of several processes cannot be added
// up: who asks two of them is counted by both.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>

#include "http/observer.hpp"
#include "observability/distinct_sketch.hpp"
#include "observability/metrics.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::ops {

/// What one reactor has seen; it alone writes.
class seen_users final : public http::answer_observer {
public:
    static constexpr std::int64_t minutes_kept = 60;

    void on_answer(const http::answered& what) override {
        if (!what.user.empty()) see(what.user, steady_clock::now());
    }
    void see(std::string_view user, steady_clock::time_point now) noexcept;

    /// Adds the users of the current minute and of the `minutes` before it. From any thread.
    void merge_into(metrics::distinct_sketch& sum, std::int64_t minutes, steady_clock::time_point now) const;

private:
    static constexpr std::int64_t nothing = -1;
    struct minute {
        std::atomic<std::int64_t> number{nothing};  // since the clock began
        metrics::distinct_sketch users;
    };
    std::array<minute, minutes_kept + 1> ring_;
};

/// Of all reactors.
class active_users {
public:
    /// bulkhead_active_users{window="5m"} and {window="1h"}.
    explicit active_users(metrics::registry& to);

    /// Before the reactors start; lives as long as this object.
    seen_users& add_reactor() { return reactors_.emplace_back(); }

    [[nodiscard]] double count(std::int64_t minutes, steady_clock::time_point now) const;

private:
    std::deque<seen_users> reactors_;
};

}  // namespace bulkhead::ops
