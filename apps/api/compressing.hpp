// SPDX-License-Identifier: Apache-2.0
// Where large answers are compressed: off the reactors, when the settings want it. One for the program; it
// outlives the reactors and `counts` outlives it. Safe from any thread.
#pragma once

#include <optional>

#include "config/settings.hpp"
#include "http/compression.hpp"
#include "observability/metrics.hpp"
#include "runtime/blocking_pool.hpp"

namespace bulkhead::api {

class compressing {
public:
    compressing(const config::settings& s, metrics::registry& counts);

    /// Null: off.
    [[nodiscard]] http::compression* compressor() noexcept { return compression_ ? &*compression_ : nullptr; }

    void stop() { threads_.stop(); }

private:
    const unsigned count_;  // of threads
    runtime::blocking_pool threads_;
    std::optional<http::compression> compression_;
};

}  // namespace bulkhead::api
