// SPDX-License-Identifier: Apache-2.0
// Locks between processes: advisory locks of the control database, which end with the session that holds
// them, also when its process is killed.
#pragma once

#include <chrono>
#include <string_view>

#include "lifecycle/site.hpp"
#include "persistence/migrations/advisory_lock.hpp"

namespace bulkhead::lifecycle {

/// errc::conflict when another session still holds it after `patience`. Not reentrant.
result<migrations::advisory_lock> lock_by_name(const site& at, std::string_view name,
                                               std::chrono::milliseconds patience);

}  // namespace bulkhead::lifecycle
