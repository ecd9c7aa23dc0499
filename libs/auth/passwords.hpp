// SPDX-License-Identifier: Apache-2.0
// Password hashing for reactors: the hasher behind a bounded pool of threads, so that a wave of logins slows
// logins and nothing else. Shared by all reactors.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "auth/password_hasher.hpp"
#include "observability/metrics.hpp"
#include "runtime/blocking_pool.hpp"
#include "runtime/deadline.hpp"

namespace bulkhead::auth {

class passwords {
public:
    /// All must outlive this object. `seconds` gets the time from a request for a hash to its end; null: none
    /// does.
    passwords(const password_hasher& hasher, runtime::blocking_pool& pool,
              metrics::histogram* seconds = nullptr)
        : hasher_(hasher), pool_(pool), seconds_(seconds) {}

    /// errc::unavailable when too many are waiting, or when it could not be done by `limit`, as the last ones
    /// went: then no work is done for a client that will have been given up.
    awaitable<result<std::string>> hash(secret password, runtime::deadline limit) const;

    /// Without a stored hash (no such user) the same work is done and the answer is no.
    awaitable<result<password_hasher::verdict>> verify(secret password, std::optional<std::string> stored,
                                                       runtime::deadline limit) const;

private:
    template <class T, class Work>
    awaitable<result<T>> run(Work work, runtime::deadline limit) const;
    void note(steady_clock::time_point began) const;
    [[nodiscard]] bool worth_it(runtime::deadline limit, bool queued) const;

    const password_hasher& hasher_;
    runtime::blocking_pool& pool_;
    metrics::histogram* const seconds_;
    mutable std::atomic<std::chrono::nanoseconds> pace_{};  // what one took lately; 0: not known
};

}  // namespace bulkhead::auth
