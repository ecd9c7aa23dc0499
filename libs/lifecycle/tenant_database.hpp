// SPDX-License-Identifier: Apache-2.0
// A tenant's database from its making to its end. Every function may be repeated: it looks at what is there
// first. Blocking; one thread at a time. `server` is an administrator's session in another database of the
// same server.
#pragma once

#include <string_view>

#include "lifecycle/credentials.hpp"
#include "persistence/postgres/session.hpp"

namespace bulkhead::lifecycle {

/// A copy of `source` that belongs to the owner and that nobody else may enter yet.
result<void> create_database(postgres::session& server, std::string_view name, std::string_view source,
                             const credentials& of);

/// Lets the tenant's two roles in and keeps everybody else out.
result<void> open_database(postgres::session& server, std::string_view name, const credentials& of);

/// In the new database, as administrator: what came with the template becomes the owner's, and the
/// application gets its rights on data, now and for what the owner will add.
result<void> hand_over(postgres::session& database, const credentials& of);

/// The application's rights on data, in a session of the owner: also for what a restored archive brought
/// along.
result<void> grant_application(postgres::session& database, std::string_view role);

/// Sessions are ended. Missing is fine.
result<void> drop_database(postgres::session& server, std::string_view name);

/// Ends sessions and lets nobody in, under a new name. Fine when it already has the new name.
result<void> put_away(postgres::session& server, std::string_view name, std::string_view new_name);

/// The reverse.
result<void> bring_back(postgres::session& server, std::string_view name, std::string_view old_name);

/// Whether anybody may begin a session there, superusers too. Sessions that are open stay.
result<void> admit_sessions(postgres::session& server, std::string_view name, bool admit);

result<bool> database_exists(postgres::session& server, std::string_view name);

/// The name of a deleted tenant's database.
[[nodiscard]] std::string deleted_database_name(const uuid& tenant);

}  // namespace bulkhead::lifecycle
