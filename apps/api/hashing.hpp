// SPDX-License-Identifier: Apache-2.0
// Where passwords are hashed: on threads of their own, at most half of the machine. One for the program; it
// outlives the reactors and `counts` outlives it. Safe from any thread.
#pragma once

#include <cstddef>

#include "auth/password_hasher.hpp"
#include "auth/passwords.hpp"
#include "config/settings.hpp"
#include "observability/metrics.hpp"
#include "runtime/blocking_pool.hpp"

namespace bulkhead::api {

class hashing {
public:
    hashing(const config::settings& s, metrics::registry& counts);

    [[nodiscard]] auth::passwords& passwords() noexcept { return passwords_; }

    /// Hashes that one of so many reactors may have under way.
    [[nodiscard]] std::size_t part_of_reactor(unsigned reactors) const noexcept {
        return (most_ + reactors - 1) / reactors;
    }

    void stop() { threads_.stop(); }

private:
    const auth::password_hasher hasher_;
    const unsigned count_;    // of threads
    const std::size_t most_;  // hashes at a time, those that wait included
    runtime::blocking_pool threads_;
    auth::passwords passwords_;
};

}  // namespace bulkhead::api
