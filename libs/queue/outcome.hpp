// SPDX-License-Identifier: Apache-2.0
// How a run of a job ends: with a result, or with a failure that says whether trying again makes sense.
// Plain values.
#pragma once

#include <chrono>
#include <expected>
#include <string>

#include "base/error.hpp"
#include "base/json.hpp"

namespace bulkhead::queue {

struct run_failure {
    std::string reason;                        // shown to users and operators: no SQL, no secrets
    bool permanent = false;                    // the same again will fail again: the job has failed for good
    std::chrono::milliseconds retry_after{0};  // what the other side asked for; 0: nothing
};

/// A small JSON value that the job leaves behind (an id, a count); null: nothing.
using run_outcome = std::expected<json::value, run_failure>;

/// The run failed and will be repeated as long as its kind allows.
[[nodiscard]] inline std::unexpected<run_failure> try_again(std::string reason,
                                                            std::chrono::milliseconds after = {}) {
    return std::unexpected(run_failure{std::move(reason), false, after});
}

/// The job has failed for good.
[[nodiscard]] inline std::unexpected<run_failure> give_up(std::string reason) {
    return std::unexpected(run_failure{std::move(reason), true, {}});
}

/// A failure of a library as that of a run: repeated, since most of what fails in a job passes by itself.
[[nodiscard]] std::unexpected<run_failure> failed_with(const error& why);

}  // namespace bulkhead::queue
