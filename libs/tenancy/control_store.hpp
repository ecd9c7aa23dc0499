// SPDX-License-Identifier: Apache-2.0
// Tenants in the control database, for tools and provisioning. Blocking; one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/sealed_box.hpp"
#include "persistence/postgres/session.hpp"
#include "tenancy/tenant.hpp"

namespace bulkhead::tenancy {

/// The select list and joins that every reader of tenants uses; the columns are in the order of the members
/// of `tenant`, without `password`. Append a WHERE; the tables are t (tenants) and s (servers).
const std::string& select_tenant();

/// All tenants in the order of their slugs, without opened passwords.
result<std::vector<tenant>> list_tenants(postgres::session& control);

/// nullopt when there is none.
result<std::optional<tenant>> find_tenant(postgres::session& control, std::string_view slug);
result<std::optional<tenant>> find_tenant(postgres::session& control, const uuid& id);

/// Fills `password`. errc::internal when no key of the box opens it.
result<void> open_password(tenant& target, const sealed_box& box);

/// Remembers the version a tenant's database is at.
result<void> save_schema_version(postgres::session& control, const uuid& id, std::int64_t version);

}  // namespace bulkhead::tenancy
