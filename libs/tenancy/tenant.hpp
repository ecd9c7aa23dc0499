// SPDX-License-Identifier: Apache-2.0
// A tenant as the control database knows it, and the rules for its name. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "base/uuid.hpp"
#include "persistence/postgres/conninfo.hpp"

namespace bulkhead::tenancy {

enum class tenant_status { provisioning, active, suspended, deleting };

/// As it stands in the column tenants.status.
[[nodiscard]] std::string_view status_name(tenant_status status) noexcept;
[[nodiscard]] std::optional<tenant_status> parse_status(std::string_view name) noexcept;

struct tenant {
    uuid id;
    std::string slug;
    std::string name;
    tenant_status status = tenant_status::provisioning;
    std::string server;       // name in the table servers
    std::string server_host;  // empty: the server of the control database
    std::string server_port;
    std::string database;
    std::string role;
    std::string sealed_password;  // sealed with the tenant's id as context
    secret password;              // empty until opened: see open_password
    std::int64_t schema_version = 0;
    int key_version = 1;
    std::string limits = "{}";  // a JSON object
    std::string created_at;     // RFC 3339
};

/// `[a-z][a-z0-9-]{1,38}`, not ending in a hyphen and none of the reserved words, which would be mistaken for
/// a host or a path of the product. errc::validation_failed on /slug.
result<void> check_slug(std::string_view slug);

/// The name of a new tenant's database and of its role: both "bulkhead_t_<32 hex digits>".
[[nodiscard]] std::string database_name(const uuid& id);

/// The tenant's server: the control database's login and TLS settings, the host of the tenant's row.
[[nodiscard]] postgres::conninfo admin_conninfo(const postgres::conninfo& control, const tenant& target);

/// How the application logs in to the tenant's database, as the tenant's own role. Needs the opened password.
[[nodiscard]] postgres::conninfo tenant_conninfo(const postgres::conninfo& control, const tenant& target);

}  // namespace bulkhead::tenancy
