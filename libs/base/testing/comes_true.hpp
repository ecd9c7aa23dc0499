// SPDX-License-Identifier: Apache-2.0
// Waiting for what other threads, processes or servers do. Blocks the thread that asks.
#pragma once

#include <chrono>
#include <thread>

namespace bulkhead::testing {

/// Whether `holds` becomes true in time: at once, or soon, or, on a machine that is busy, late.
template <class Predicate>
bool comes_true(Predicate holds, std::chrono::milliseconds within = std::chrono::seconds(60)) {
    using clock = std::chrono::steady_clock;
    for (const auto end = clock::now() + within; clock::now() < end;
         std::this_thread::sleep_for(std::chrono::milliseconds(10)))
        if (holds()) return true;
    return holds();
}

}  // namespace bulkhead::testing
