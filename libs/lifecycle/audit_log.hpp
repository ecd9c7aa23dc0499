// SPDX-License-Identifier: Apache-2.0
// Reads the platform's audit log, which audit() of site.hpp writes. Blocking; one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lifecycle/site.hpp"

namespace bulkhead::lifecycle {

struct audit_entry {
    std::string at;  // RFC 3339
    std::string actor;
    std::string action;  // "tenant.create"
    json::object detail{};
};

/// What was done to a tenant, newest first, at most `most` entries.
result<std::vector<audit_entry>> read_audit(const site& at, const uuid& tenant, std::size_t most);

/// The newest entry of an action on a tenant of this name, which may be gone.
result<std::optional<audit_entry>> last_of(const site& at, std::string_view action, std::string_view slug);

}  // namespace bulkhead::lifecycle
