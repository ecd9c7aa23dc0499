// SPDX-License-Identifier: Apache-2.0
// New passwords for the roles of tenants that are in use. Blocking; one thread at a time.
#pragma once

#include <string_view>

#include "lifecycle/site.hpp"

namespace bulkhead::lifecycle {

/// New passwords for a tenant's roles: sealed into its row and given to the roles, of which every process
/// hears. Sessions that are open stay open. Killed between the two, the roles still have the old passwords,
/// and repeating it heals that. errc::tenant_unknown; errc::conflict unless the tenant is active or suspended
/// and no other work on it is unfinished.
result<void> rotate_credentials(site& at, std::string_view slug);

/// Whether both roles of a tenant can log in with the passwords in its row; the application's only when it is
/// active.
result<bool> credentials_fit(const site& at, const tenancy::tenant& one);

}  // namespace bulkhead::lifecycle
