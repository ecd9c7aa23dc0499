// SPDX-License-Identifier: Apache-2.0
// What goes when its time is up: in the databases of tenants answers kept under an Idempotency-Key, in the
// control database records of work that ended long ago. Blocking; one thread at a time.
#pragma once

#include <chrono>

#include "lifecycle/site.hpp"

namespace bulkhead::lifecycle {

/// Visits the next tenants behind the one that `last` names, in the order of their ids, and notes the last
/// one it saw; behind the last of all it begins anew. At least 20 of them, and a sixtieth of all: every
/// minute, that is each tenant once an hour. Returns how many rows it removed. One process at a time: at once
/// 0 when another one is at it. A tenant that cannot be reached is an error after the others were visited.
result<std::size_t> remove_expired(site& at, uuid& last);

/// Removes records of work that ended longer ago than `keep`, a thousand at a time, and adds to
/// operations_removed how many they were. Those that say where the last archive of a tenant is stay as long
/// as the tenant does. Any number of processes may do this at once. Returns how many it removed.
result<std::size_t> remove_old_operations(site& at, std::chrono::seconds keep);

}  // namespace bulkhead::lifecycle
