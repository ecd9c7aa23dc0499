// SPDX-License-Identifier: Apache-2.0
// The completion token of a coroutine that nobody waits for: co_spawn(where, work(), or_die). An exception
// that leaves it leaves io_context::run, as one of a handler does, and ends the process: net::detached would
// drop it, and whatever the coroutine had begun would stay begun. Stateless; any thread.
#pragma once

#include <exception>

namespace bulkhead {

struct dies_of_exceptions {
    void operator()(const std::exception_ptr& thrown) const {
        if (thrown) std::rethrow_exception(thrown);
    }
    template <class T>
    void operator()(const std::exception_ptr& thrown, const T& /*outcome*/) const {
        if (thrown) std::rethrow_exception(thrown);
    }
};
inline constexpr dies_of_exceptions or_die{};

}  // namespace bulkhead
