// SPDX-License-Identifier: Apache-2.0
// From which migration on a tenant's database has what some code needs: known_tenant::schema_version is
// compared with these, and so is `.schema` of a route. Programs serve tenants that are not migrated yet.
// Constants, safe anywhere.
#pragma once

#include <cstdint>

namespace bulkhead::tenancy {

inline constexpr std::int64_t with_idempotency = 3;
inline constexpr std::int64_t with_jobs = 4;
inline constexpr std::int64_t with_exports = 5;
inline constexpr std::int64_t with_schedules = 6;
inline constexpr std::int64_t with_webhooks = 7;

}  // namespace bulkhead::tenancy
