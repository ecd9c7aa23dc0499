// SPDX-License-Identifier: Apache-2.0
// A tenant as the control database knows it, and the rules for its name. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/sealed_box.hpp"
#include "base/secret.hpp"
#include "base/uuid.hpp"
#include "persistence/postgres/conninfo.hpp"
#include "tenancy/limits.hpp"

namespace bulkhead::tenancy {

enum class tenant_status {
    provisioning,
    active,
    suspended,    // by an operator: refused until resumed
    maintenance,  // for seconds, while it is moved: ask again
    deleted,      // out of reach, its database kept until purge_after
    purging,      // its keys are gone
};

/// As it stands in the column tenants.status.
[[nodiscard]] std::string_view status_name(tenant_status status) noexcept;
[[nodiscard]] std::optional<tenant_status> parse_status(std::string_view name) noexcept;

/// Where a server of tenants is. Empty members are those of the control database's own server.
struct server_address {
    std::string name;  // in the table servers
    std::string host;
    std::string port;
    std::string sslmode;
    std::string pooler_host;  // a PgBouncer that requests go through; empty: none
    std::string pooler_port;
};

struct tenant {
    uuid id;
    std::string slug;
    std::string name;
    tenant_status status = tenant_status::provisioning;
    server_address server;
    std::string database;
    std::string role;             // of the application: data only
    std::string sealed_password;  // sealed with the tenant's id as context
    secret password;              // empty until opened: see open_password
    std::string owner_role;  // owns the database and its schema; empty: the control database's login does
    std::string sealed_owner_password;  // sealed with owner_password_context
    std::int64_t schema_version = 0;
    int key_version = 1;
    std::int64_t revision = 0;  // grows with every change that is announced
    tenant_limits limits;
    std::int64_t storage_bytes = 0;  // as last measured
    std::string created_at;          // RFC 3339
    std::string purge_after;         // RFC 3339; empty unless deleted
    std::string measured_at;         // RFC 3339; of storage_bytes; empty: not yet
};

/// `[a-z][a-z0-9-]{1,38}`, not ending in a hyphen and none of the reserved words, which would be mistaken for
/// a host or a path of the product. errc::validation_failed on /slug.
result<void> check_slug(std::string_view slug);

/// 1 to 200 characters of UTF-8 without NUL. errc::validation_failed on /name.
result<void> check_name(std::string_view name);

/// The name of a new tenant's database and of its application role: both "bulkhead_t_<32 hex digits>".
[[nodiscard]] std::string database_name(const uuid& id);

/// "bulkhead_t_<32 hex digits>_owner"
[[nodiscard]] std::string owner_role_name(const uuid& id);

/// What the owner's password is sealed with.
[[nodiscard]] std::string owner_password_context(const uuid& id);

/// How requests log in to the tenant's database: as the application's role, through the server's pooler if it
/// has one. Needs the opened password.
[[nodiscard]] postgres::conninfo tenant_conninfo(const postgres::conninfo& control, const tenant& target);

/// How migrations log in: directly, as the owner; as the control database's login when there is no owner
/// role. errc::internal when no key of the box opens the password.
[[nodiscard]] result<postgres::conninfo> owner_conninfo(const postgres::conninfo& control,
                                                        const tenant& target, const sealed_box& box);

}  // namespace bulkhead::tenancy
