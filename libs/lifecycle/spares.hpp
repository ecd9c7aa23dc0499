// SPDX-License-Identifier: Apache-2.0
// Databases made in advance, complete with roles and schema: a new tenant takes one and is there at once.
// Blocking; one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lifecycle/credentials.hpp"
#include "lifecycle/site.hpp"

namespace bulkhead::lifecycle {

struct spare {
    uuid id;  // becomes the tenant's
    std::string server;
    credentials login;
};

/// Takes one out of the stock within the open transaction: at the newest schema, on `server` if given, else
/// on any that accepts tenants. nullopt when there is none.
result<std::optional<spare>> claim_spare(const site& at, std::string_view server);

/// Makes as many as are missing, and drops what an older schema or a killed run left. One process at a time:
/// at once true when another one is at it. Stops early when `stop` says so. False: some could not be made,
/// see the log.
result<bool> refill_spares(site& at, std::size_t wanted, const std::function<bool()>& stop = {});

}  // namespace bulkhead::lifecycle
