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
    bool away = false;  // it is not the job's: something that it needs was away for the moment
};

/// A small JSON value that the job leaves behind (an id, a count); null: nothing.
using run_outcome = std::expected<json::value, run_failure>;

/// The run failed and will be repeated as long as its kind allows.
[[nodiscard]] inline std::unexpected<run_failure> try_again(std::string reason,
                                                            std::chrono::milliseconds after = {}) {
    return std::unexpected(run_failure{.reason = std::move(reason), .retry_after = after});
}

/// The job has failed for good.
[[nodiscard]] inline std::unexpected<run_failure> give_up(std::string reason) {
    return std::unexpected(run_failure{.reason = std::move(reason), .permanent = true});
}

/// A failure of a library as that of a run: repeated, since most of what fails in a job passes by itself.
/// With errc::unavailable the attempt does not count, up to ten times for a job.
[[nodiscard]] std::unexpected<run_failure> failed_with(const error& why);

/// A failure of somebody outside (a mail server), who is asked again after ever longer waits: each time is an
/// attempt.
[[nodiscard]] std::unexpected<run_failure> failed_outside(const error& why);

}  // namespace bulkhead::queue
