// SPDX-License-Identifier: Apache-2.0
#include "features/platform/inspection.hpp"

#include <chrono>

#include "tenancy/control_store.hpp"

namespace bulkhead::platform {
namespace {

constexpr std::chrono::seconds patience{2};  // to connect, and again for the question

struct findings {
    std::int64_t schema_version, connections, storage_bytes;
};

/// As the schema's owner, who may come in also when the application may not.
result<findings> look(const lifecycle::site& at, const tenancy::tenant& one) {
    const auto login = tenancy::owner_conninfo(at.control_info(), one, at.box());
    if (!login) return std::unexpected(login.error());
    auto database = postgres::session::open(*login, patience, {.application_name = "bulkhead-health"});
    if (!database) return std::unexpected(std::move(database.error()));
    database->set_time_limit(patience);
    const auto found = database->run(
        "select coalesce(max(version), 0), (select count(*) from pg_stat_activity where datname = "
        "current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()), "
        "pg_database_size(current_database()) from schema_migrations");
    if (!found) return std::unexpected(found.error());
    return findings{found->integer(0, 0), found->integer(0, 1), found->integer(0, 2)};
}

}  // namespace

result<tenant_health> inspect(lifecycle::site& at, std::string_view slug) {
    const auto known = tenancy::find_tenant(at.control(), slug);
    if (!known) return std::unexpected(known.error());
    if (!*known) return fail(errc::tenant_unknown);
    const auto& one = **known;
    tenant_health out{
        .schema_version = one.schema_version, .head = at.schema().head(), .storage_bytes = one.storage_bytes};
    const auto began = std::chrono::steady_clock::now();
    const auto seen = look(at, one);
    if (!seen) return out;
    const auto took = std::chrono::steady_clock::now() - began;
    out.database = reachability::connected;
    out.latency_ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    out.schema_version = seen->schema_version;
    out.connections = seen->connections;
    out.storage_bytes = seen->storage_bytes;
    out.status = out.schema_version == out.head ? condition::healthy : condition::degraded;
    return out;
}

}  // namespace bulkhead::platform
