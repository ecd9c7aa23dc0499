// SPDX-License-Identifier: Apache-2.0
// Waiting times between attempts: exponential with jitter, so that many clients of one failed server do not
// come back in step. A plain value; give each retry loop its own.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/random.hpp"

namespace bulkhead::runtime {

class backoff {
public:
    constexpr backoff(std::chrono::milliseconds first, std::chrono::milliseconds most)
        : ceiling_(first), first_(first), most_(most) {}

    /// How long to wait before the next attempt: uniform between a half and the whole of a ceiling that
    /// doubles.
    std::chrono::milliseconds next() {
        const auto ceiling = ceiling_;
        ceiling_ = std::min(ceiling_ * 2, most_);
        return std::chrono::milliseconds{
            static_cast<std::int64_t>(static_cast<double>(ceiling.count()) * (0.5 + jitter() / 2))};
    }

    /// After a success.
    void reset() { ceiling_ = first_; }

private:
    std::chrono::milliseconds ceiling_, first_, most_;
};

}  // namespace bulkhead::runtime
