// SPDX-License-Identifier: Apache-2.0
#include "runtime/loop_lag.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

namespace bulkhead::runtime {

std::chrono::nanoseconds sustained_lag::value() const noexcept { return *std::ranges::min_element(last_); }

loop_lag::loop_lag(executor ex, metrics::registry& registry, observer tell)
    : executor_(ex),
      timer_(ex),
      seen_(registry.add_histogram(
          "bulkhead_loop_lag_seconds", "How long a reactor's next handler waited",
          {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5})),
      tell_(std::move(tell)) {}

void loop_lag::start() {
    running_ = true;
    arm();
}

void loop_lag::stop() {
    running_ = false;
    timer_.cancel();
}

void loop_lag::arm() {
    timer_.expires_after(interval);
    timer_.async_wait([this](error_code ec) {
        if (!ec && running_) sample();
    });
}

void loop_lag::sample() {
    net::post(executor_, [this, posted = steady_clock::now()] {
        if (!running_) return;
        const auto now = steady_clock::now();
        seen_.observe(std::chrono::duration<double>(now - posted).count());
        sustained_.add(now - posted);
        tell_(now, sustained_.value());
        arm();
    });
}

}  // namespace bulkhead::runtime
