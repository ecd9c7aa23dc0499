// SPDX-License-Identifier: Apache-2.0
// Tenants as those who run the platform speak of them.
#pragma once

#include <array>
#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "base/uuid.hpp"
#include "features/platform/slug.hpp"
#include "schema/schema.hpp"
#include "tenancy/limits.hpp"
#include "tenancy/tenant.hpp"

namespace bulkhead::platform {

enum class tenant_state { provisioning, active, suspended, maintenance, deleted, purging };
BOOST_DESCRIBE_ENUM(tenant_state, provisioning, active, suspended, maintenance, deleted, purging)

struct tenant {
    uuid id;
    std::string slug;
    std::string name;
    tenant_state status = tenant_state::provisioning;
    std::string server;
    std::string database;
    std::int64_t schema_version = 0;
    tenancy::tenant_limits limits;
    utc_time created_at;
    std::optional<utc_time> purge_after;  // of a deleted one
};
BOOST_DESCRIBE_STRUCT(tenant, (),
                      (id, slug, name, status, server, database, schema_version, limits, created_at,
                       purge_after))

/// As lifecycle and tenancy know it.
tenant to_tenant(const tenancy::tenant& known);

/// Strong: of what a client sees of it.
std::string etag_of(const tenant& one);

struct tenant_query {
    std::optional<tenant_state> status;
    std::optional<schema::text<1, 200>> q;  // part of the slug or the name
    schema::or_default<schema::integer<1, 100>, 20> limit;
    std::optional<schema::text<1, 2000>> cursor;
};
BOOST_DESCRIBE_STRUCT(tenant_query, (), (status, q, limit, cursor))

struct tenant_page {
    std::vector<tenant> items;
    std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(tenant_page, (), (items, next_cursor))

using tenant_name = schema::text<1, 200>;

/// The first user of a new tenant.
struct owner_input {
    schema::email email;
    schema::password_text password;
    schema::text<1, 200> name;
};
BOOST_DESCRIBE_STRUCT(owner_input, (), (email, password, name))

struct tenant_input {
    slug_text slug;
    tenant_name name;
    owner_input owner;
    std::optional<tenancy::tenant_limits> limits;
};
BOOST_DESCRIBE_STRUCT(tenant_input, (), (slug, name, owner, limits))

/// Null takes a limit away (RFC 7396).
struct limits_patch {
    schema::patch<tenancy::quota> users;
    schema::patch<tenancy::quota> requests_per_minute;
    schema::patch<tenancy::quota> storage_bytes;
    schema::patch<tenancy::quota> jobs_in_flight;
};
BOOST_DESCRIBE_STRUCT(limits_patch, (), (users, requests_per_minute, storage_bytes, jobs_in_flight))

struct tenant_patch {
    schema::change<slug_text> slug;
    schema::change<tenant_name> name;
    schema::patch<limits_patch> limits;
};
BOOST_DESCRIBE_STRUCT(tenant_patch, (), (slug, name, limits))

/// `now` with the patch applied.
tenancy::tenant_limits patched(tenancy::tenant_limits now, const schema::patch<limits_patch>& by);

struct suspension_input {
    std::optional<schema::text<1, 500>> reason;  // for the audit log
};
BOOST_DESCRIBE_STRUCT(suspension_input, (), (reason))

struct clone_input {
    slug_text slug;
    tenant_name name;
};
BOOST_DESCRIBE_STRUCT(clone_input, (), (slug, name))

/// Long work on a tenant.
enum class job_kind { create, clone, import_, move, remove, undelete, purge };

constexpr auto spellings_of(std::type_identity<job_kind>) {
    using spelling = schema::spelling<job_kind>;
    return std::array{spelling{job_kind::create, "create"},  spelling{job_kind::clone, "clone"},
                      spelling{job_kind::import_, "import"}, spelling{job_kind::move, "move"},
                      spelling{job_kind::remove, "delete"},  spelling{job_kind::undelete, "undelete"},
                      spelling{job_kind::purge, "purge"}};
}

enum class job_state { pending, running, succeeded, failed };
BOOST_DESCRIBE_ENUM(job_state, pending, running, succeeded, failed)

struct job {
    uuid id;
    job_kind kind = job_kind::create;
    job_state state = job_state::pending;
    std::string step;           // the last one that is done
    std::int64_t progress = 0;  // percent
    std::int64_t attempt = 0;
    std::optional<std::string> error;
    uuid tenant;
    std::string slug;
    utc_time created_at;
    utc_time updated_at;
    std::optional<utc_time> finished_at;
};
BOOST_DESCRIBE_STRUCT(job, (),
                      (id, kind, state, step, progress, attempt, error, tenant, slug, created_at, updated_at,
                       finished_at))
inline std::string_view schema_name_of(std::type_identity<job>) { return "platform_job"; }

enum class condition {
    healthy,
    degraded,   // its schema is not the newest
    unhealthy,  // its database does not answer
};
BOOST_DESCRIBE_ENUM(condition, healthy, degraded, unhealthy)

enum class reachability { connected, disconnected };
BOOST_DESCRIBE_ENUM(reachability, connected, disconnected)

struct tenant_health {
    condition status = condition::unhealthy;
    reachability database = reachability::disconnected;
    std::optional<std::int64_t> latency_ms;  // to connect and ask one question
    std::int64_t schema_version = 0;
    std::int64_t head = 0;  // the newest schema
    std::optional<std::int64_t> connections;
    std::int64_t storage_bytes = 0;  // as last measured when it does not answer
};
BOOST_DESCRIBE_STRUCT(tenant_health, (),
                      (status, database, latency_ms, schema_version, head, connections, storage_bytes))

/// A JSON object that is passed on as it is stored.
struct stored_object {
    std::string text = "{}";
};

struct audit_entry {
    std::int64_t id = 0;
    utc_time at;
    std::string actor;
    std::string action;  // "tenant.create"
    std::optional<uuid> tenant;
    std::optional<std::string> slug;
    stored_object detail;
};
BOOST_DESCRIBE_STRUCT(audit_entry, (), (id, at, actor, action, tenant, slug, detail))
inline std::string_view schema_name_of(std::type_identity<audit_entry>) { return "platform_audit_entry"; }

struct audit_query {
    std::optional<uuid> tenant;
    schema::or_default<schema::integer<1, 100>, 20> limit;
    std::optional<schema::text<1, 2000>> cursor;
};
BOOST_DESCRIBE_STRUCT(audit_query, (), (tenant, limit, cursor))

struct audit_page {
    std::vector<audit_entry> items;
    std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(audit_page, (), (items, next_cursor))
inline std::string_view schema_name_of(std::type_identity<audit_page>) { return "platform_audit_page"; }

}  // namespace bulkhead::platform

template <>
struct bulkhead::schema::binding<bulkhead::platform::stored_object> : required_binding {
    static void write(std::string& out, const platform::stored_object& value) { out += value.text; }
    static json::object schema(components&, direction) { return {{"type", "object"}}; }
};
