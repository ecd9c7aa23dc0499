// SPDX-License-Identifier: Apache-2.0
// The two roles of a tenant: the owner changes the schema, the application reads and writes data, and neither
// can enter any other database. Passwords are random and exist only sealed. Every function may be repeated.
// Blocking; one thread at a time.
#pragma once

#include <string>

#include "base/sealed_box.hpp"
#include "base/uuid.hpp"
#include "persistence/postgres/session.hpp"

namespace bulkhead::lifecycle {

struct credentials {
    std::string role;
    std::string sealed_password;
    std::string owner_role;
    std::string sealed_owner_password;
};

/// New passwords under the names that belong to a tenant's id.
credentials make_credentials(const uuid& tenant, const sealed_box& box);

/// Makes the roles, or gives existing ones these passwords. `limit` is the application's number of
/// connections.
result<void> create_roles(postgres::session& server, const uuid& tenant, const credentials& of,
                          const sealed_box& box, int limit);

/// Another password for a role that exists. Within the open transaction, if there is one.
result<void> set_password(postgres::session& server, std::string_view role, const secret& password);

/// They must not own anything any more.
result<void> drop_roles(postgres::session& server, const credentials& of);

/// Whether the application's role may log in.
result<void> allow_login(postgres::session& server, std::string_view role, bool allow);

/// The role may not log in any more, and none of its sessions is left.
result<void> lock_out(postgres::session& server, std::string_view role);

/// Ends every session of a role on the server. Their transactions are rolled back.
result<void> end_sessions(postgres::session& server, std::string_view role);

}  // namespace bulkhead::lifecycle
