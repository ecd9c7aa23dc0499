// SPDX-License-Identifier: Apache-2.0
// How late a reactor is: every 10 ms something is posted to it, and the time until it runs is what every
// handler waits at the moment. One per reactor, on its thread; destroyed when the reactor has ended.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>

#include "observability/metrics.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::runtime {

/// The least of the last samples: what has lasted for all of them, rather than for one long handler.
class sustained_lag {
public:
    static constexpr std::size_t samples = 10;

    void add(std::chrono::nanoseconds late) noexcept { last_[next_++ % samples] = late; }
    [[nodiscard]] std::chrono::nanoseconds value() const noexcept;

private:
    std::array<std::chrono::nanoseconds, samples> last_{};
    std::size_t next_ = 0;
};

class loop_lag {
public:
    static constexpr std::chrono::milliseconds interval{10};

    /// Called with each sample.
    using observer = std::function<void(steady_clock::time_point now, std::chrono::nanoseconds sustained)>;

    /// Counts into the histogram bulkhead_loop_lag_seconds, which outlives it.
    loop_lag(executor ex, metrics::registry& registry, observer tell);

    void start();
    void stop();

private:
    void arm();
    void sample();

    executor executor_;
    steady_timer timer_;
    metrics::histogram& seen_;
    sustained_lag sustained_;
    observer tell_;
    bool running_ = false;
};

}  // namespace bulkhead::runtime
