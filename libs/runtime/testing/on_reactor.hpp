// SPDX-License-Identifier: Apache-2.0
// What belongs to a reactor, asked from another thread, which waits for the answer.
#pragma once

#include <future>
#include <type_traits>
#include <utility>

#include "runtime/reactor.hpp"

namespace bulkhead::testing {

/// What `work` returns or throws on the thread of `home`, which must run.
template <class F>
std::invoke_result_t<F> on_reactor(runtime::reactor& home, F work) {
    std::packaged_task<std::invoke_result_t<F>()> task(std::move(work));
    auto outcome = task.get_future();
    home.post([&task] { task(); });
    return outcome.get();
}

}  // namespace bulkhead::testing
