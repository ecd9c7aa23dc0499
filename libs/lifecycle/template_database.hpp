// SPDX-License-Identifier: Apache-2.0
// The database that new tenants' are copies of: empty, at the newest schema, and without connections, since a
// database with connections cannot be copied. One for each server, control database and schema. Blocking; one
// thread at a time.
#pragma once

#include <string>
#include <string_view>

#include "lifecycle/site.hpp"

namespace bulkhead::lifecycle {

/// What the names of this control database's templates begin with: several may share a server.
[[nodiscard]] std::string template_prefix(const site& at);

/// The role that owns what is in them; nobody can log in as it. One for each control database: from
/// PostgreSQL 16 on only the login that made a role may use it.
[[nodiscard]] std::string template_owner(const site& at);

/// Whether a role is the owner of what is in somebody's templates.
[[nodiscard]] bool is_template_owner(std::string_view role) noexcept;

/// That of the template for this build; names sort by the version of the schema.
[[nodiscard]] std::string template_name(const site& at);

/// The name of the server's template for this build, made first if need be (about a second) while others
/// wait; older ones of this control database are dropped then.
result<std::string> ensure_template(site& at, std::string_view server);

}  // namespace bulkhead::lifecycle
