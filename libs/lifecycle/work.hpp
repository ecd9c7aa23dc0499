// SPDX-License-Identifier: Apache-2.0
// Goes on with any recorded work, whoever began it: what the program that began it does next, and what the
// worker does with work that was left behind. Blocking; one thread at a time.
#pragma once

#include <functional>

#include "lifecycle/operation.hpp"

namespace bulkhead::lifecycle {

/// To its end, or to a failure that may pass: see run_saga.
result<operation> continue_work(site& at, const operation& begun);

/// Unfinished work that nobody has touched for `quiet`. Returns how many records came to an end. What another
/// process is at is left to it.
result<std::size_t> continue_abandoned_work(site& at, std::chrono::milliseconds quiet,
                                            const std::function<bool()>& stop = {});

/// Begins the purge of tenants whose time has come. Returns how many.
result<std::size_t> purge_what_is_due(site& at, const std::function<bool()>& stop = {});

}  // namespace bulkhead::lifecycle
