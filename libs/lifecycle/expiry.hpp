// SPDX-License-Identifier: Apache-2.0
// What has expired in the databases of tenants, and goes: answers kept under an Idempotency-Key. Blocking;
// one thread at a time.
#pragma once

#include "lifecycle/site.hpp"

namespace bulkhead::lifecycle {

/// Visits the next tenants behind the one that `last` names, in the order of their ids, and notes the last
/// one it saw; behind the last of all it begins anew. At least 20 of them, and a sixtieth of all: every
/// minute, that is each tenant once an hour. Returns how many rows it removed. One process at a time: at once
/// 0 when another one is at it. A tenant that cannot be reached is an error after the others were visited.
result<std::size_t> remove_expired(site& at, uuid& last);

}  // namespace bulkhead::lifecycle
