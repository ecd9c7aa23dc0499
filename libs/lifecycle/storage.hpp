// SPDX-License-Identifier: Apache-2.0
// How much disk the databases of tenants take, noted in their rows without waking anybody. Blocking; one
// thread at a time.
#pragma once

#include <chrono>
#include <cstddef>

#include "lifecycle/site.hpp"

namespace bulkhead::lifecycle {

/// Measures, on each server, up to `most` tenants that were not measured for `age`, the longest waiting
/// first. Returns how many. One process at a time: at once 0 when another one is at it. A server that is away
/// keeps its old figures, and is an error after the others were asked.
result<std::size_t> measure_storage(site& at, std::size_t most, std::chrono::seconds age);

}  // namespace bulkhead::lifecycle
