// SPDX-License-Identifier: Apache-2.0
// The moment at which a request's time is up. It travels with the request: whoever waits, waits for what is
// left.
#pragma once

#include <algorithm>
#include <chrono>

namespace bulkhead::runtime {

class deadline {
public:
    using clock = std::chrono::steady_clock;

    explicit deadline(clock::time_point at) : at_(at) {}
    static deadline in(std::chrono::milliseconds from_now) { return deadline(clock::now() + from_now); }

    [[nodiscard]] clock::time_point at() const noexcept { return at_; }
    [[nodiscard]] bool passed() const noexcept { return clock::now() >= at_; }
    /// Never negative.
    [[nodiscard]] std::chrono::milliseconds remaining() const noexcept {
        return std::max(std::chrono::milliseconds{0},
                        std::chrono::duration_cast<std::chrono::milliseconds>(at_ - clock::now()));
    }

private:
    clock::time_point at_;
};

}  // namespace bulkhead::runtime
