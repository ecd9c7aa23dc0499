// SPDX-License-Identifier: Apache-2.0
// How much a database is asked for: a count of operations in which each is worth half as much after every
// half-life. Of databases that are asked rarely it orders by the last time, of others by how often. A value
// type; belongs to one reactor.
#pragma once

#include <chrono>
#include <cmath>

#include "runtime/asio.hpp"

namespace bulkhead::postgres {

class demand {
public:
    void add(steady_clock::time_point now) {
        value_ = at(now) + 1;
        noted_ = now;
    }

    /// `now` must not lie before what was noted last.
    [[nodiscard]] double at(steady_clock::time_point now) const {
        const std::chrono::duration<double> passed = now - noted_;
        return value_ == 0 ? 0 : value_ * std::exp2(-passed / half_life);
    }

private:
    static constexpr std::chrono::duration<double> half_life{15};
    double value_ = 0;
    steady_clock::time_point noted_{};
};

}  // namespace bulkhead::postgres
