// SPDX-License-Identifier: Apache-2.0
// The part that cloning and importing a tenant have in common: an empty database that a dump is restored
// into, and what makes of it the database of a tenant. Blocking; one thread at a time.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "lifecycle/creation.hpp"
#include "lifecycle/credentials.hpp"
#include "lifecycle/saga.hpp"

namespace bulkhead::lifecycle {

/// Takes the slug and records the work, with `input` to go by. errc::validation_failed as check(), and for an
/// owner: the users come with the data. errc::conflict when the slug is taken.
result<operation> begin_filled_tenant(site& at, operation_kind kind, const new_tenant& wanted,
                                      const json::object& input);

/// Without any table, made anew whatever was there. Only the tenant's two roles may enter it.
result<void> make_empty_database(postgres::session& server, std::string_view name, const credentials& of);

/// For the planner, after many rows have come at once. In a session of the owner.
result<void> analyze_tables(postgres::session& database);

/// Puts data into an empty database, as the owner that the login is for.
using fill_database = std::function<result<void>(const postgres::conninfo& into)>;

/// From a tenant's row to an active tenant: roles, data, migrations that the data have not seen, rights,
/// statistics. Undone by forget_database_steps.
std::vector<saga_step> filled_tenant_steps(site& at, const uuid& tenant, fill_database fill);

}  // namespace bulkhead::lifecycle
