// SPDX-License-Identifier: Apache-2.0
// The part that creating, cloning and importing a tenant have in common: from the tenant's row to an open,
// empty database with its roles, and back. Blocking; one thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lifecycle/credentials.hpp"
#include "lifecycle/saga.hpp"

namespace bulkhead::lifecycle {

/// What a step works on: the tenant's row as it is now, and a session on its server.
struct place {
    tenancy::tenant tenant;
    postgres::session* server;
};
using work_on_tenant = result<void> (*)(site&, const place&);

/// errc::not_found when the row is gone.
result<place> find_place(site& at, const uuid& tenant);

/// The step that finds the place and does the work there.
saga_step tenant_step(std::string_view name, site& at, const uuid& tenant, work_on_tenant what);

inline constexpr std::string_view last_database_step = "hand over";

/// roles, database, open, hand over.
std::vector<saga_step> new_database_steps(site& at, const uuid& tenant);

/// Drops the database and the roles, then the row. errc::conflict for a tenant that is more than half made.
std::vector<saga_step> forget_database_steps(site& at, const uuid& tenant);

/// From provisioning to active, at the schema it was made with. Fine when it is active already.
result<void> activate_tenant(site& at, const uuid& tenant);

/// The server for a new tenant: the wanted one, or the one with the fewest tenants. errc::unavailable when
/// none accepts tenants.
result<std::string> choose_server(const site& at, std::string_view wanted);

/// What its row says of its roles.
credentials credentials_of(const tenancy::tenant& one);

/// Its row must exist: else errc::not_found.
result<tenancy::tenant> load_tenant(const site& at, const uuid& id);

/// A session in the tenant's database as its owner.
result<postgres::session> connect_as_owner(const site& at, const uuid& tenant);

}  // namespace bulkhead::lifecycle
