// SPDX-License-Identifier: Apache-2.0
#include "features/platform/repository.hpp"

#include <limits>

#include "schema/page.hpp"

namespace bulkhead::platform {
namespace {

using postgres::result_set;

#define SELECT_TENANT                                                                               \
    "select t.id, t.slug, t.name, t.status, s.name, t.database, t.schema_version, t.limits::text, " \
    "t.created_at, t.purge_after from tenants t join servers s on s.id = t.server_id "

tenant read_tenant(const result_set::row& row) {
    return {.id = row.get<uuid>(0),
            .slug = row.get<std::string>(1),
            .name = row.get<std::string>(2),
            .status = schema::enum_from<tenant_state>(row.get<std::string_view>(3)).value(),
            .server = row.get<std::string>(4),
            .database = row.get<std::string>(5),
            .schema_version = row.get<std::int64_t>(6),
            .limits = tenancy::parse_limits(row.get<std::string_view>(7)),
            .created_at = row.get<utc_time>(8),
            .purge_after = row.get<std::optional<utc_time>>(9)};
}

result<tenant> read_one(const result<result_set>& rows) {
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return fail(errc::tenant_unknown);
    return read_tenant((*rows)[0]);
}

job read_job(const result_set::row& row) {
    return {.id = row.get<uuid>(0),
            .kind = schema::enum_from<job_kind>(row.get<std::string_view>(1)).value(),
            .state = schema::enum_from<job_state>(row.get<std::string_view>(2)).value(),
            .step = row.get<std::string>(3),
            .progress = row.get<std::int64_t>(4),
            .attempt = row.get<std::int64_t>(5),
            .error = row.get<std::optional<std::string>>(6),
            .tenant = row.get<uuid>(7),
            .slug = row.get<std::string>(8),
            .created_at = row.get<utc_time>(9),
            .updated_at = row.get<utc_time>(10),
            .finished_at = row.get<std::optional<utc_time>>(11)};
}

audit_entry read_audit_entry(const result_set::row& row) {
    return {.id = row.get<std::int64_t>(0),
            .at = row.get<utc_time>(1),
            .actor = row.get<std::string>(2),
            .action = row.get<std::string>(3),
            .tenant = row.get<std::optional<uuid>>(4),
            .slug = row.get<std::optional<std::string>>(5),
            .detail = {row.get<std::string>(6)}};
}

/// What follows the cursor; `beginning` without one.
result<std::string> position(std::string_view list, const std::optional<schema::text<1, 2000>>& cursor,
                             std::string beginning) {
    if (!cursor) return beginning;
    return schema::read_cursor(list, cursor->str());
}

std::string list_of(const tenant_query& query) {
    std::string out = "tenants/";
    if (query.status) out += schema::enum_name(*query.status);
    return out + "/" + (query.q ? query.q->str() : "");
}

std::string list_of(const audit_query& query) {
    return "audit/" + (query.tenant ? query.tenant->to_string() : "");
}

}  // namespace

awaitable<result<tenant_page>> repository::list(tenant_query query) const {
    const auto name = list_of(query);
    const auto after = position(name, query.cursor, "");
    if (!after) co_return std::unexpected(after.error());
    const auto limit = query.limit->value();
    std::optional<std::string> state, part;
    if (query.status) state = schema::enum_name(*query.status);
    if (query.q) part = query.q->str();
    const auto rows = co_await db_.read(
        SELECT_TENANT
        "where t.slug > $1 and ($2::text is null or t.status = $2) and ($3::text is null or "
        "strpos(t.slug, lower($3)) > 0 or strpos(lower(t.name), lower($3)) > 0) order by t.slug limit $4",
        *after, state, part, limit + 1);
    if (!rows) co_return std::unexpected(rows.error());
    co_return schema::page_of<tenant_page>(
        *rows, limit, read_tenant, [&](const tenant& last) { return schema::make_cursor(name, last.slug); });
}

awaitable<result<tenant>> repository::find(std::string slug) const {
    co_return read_one(co_await db_.read(SELECT_TENANT "where t.slug = $1", slug));
}

awaitable<result<tenant>> repository::find(uuid id) const {
    co_return read_one(co_await db_.read(SELECT_TENANT "where t.id = $1", id));
}

awaitable<result<job>> repository::find_job(uuid id) const {
    const auto rows = co_await db_.read(
        "select id, kind, case state when 'undoing' then 'running' else state end, step, "
        "case state when 'succeeded' then 100 else coalesce((progress->>'percent')::bigint, 0) end, "
        "attempt::bigint, error, tenant_id, slug, created_at, updated_at, finished_at "
        "from operations where id = $1",
        id);
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->empty()) co_return fail(errc::not_found);
    co_return read_job((*rows)[0]);
}

awaitable<result<audit_page>> repository::audit(audit_query query) const {
    const auto name = list_of(query);
    const auto before =
        position(name, query.cursor, std::to_string(std::numeric_limits<std::int64_t>::max()));
    if (!before) co_return std::unexpected(before.error());
    const auto id = schema::read_key_number(*before);
    if (!id) co_return std::unexpected(id.error());
    const auto limit = query.limit->value();
    const auto rows = co_await db_.read(
        "select id, at, actor, action, tenant_id, slug, detail::text from platform_audit "
        "where id < $1 and ($2::uuid is null or tenant_id = $2) order by id desc limit $3",
        *id, query.tenant, limit + 1);
    if (!rows) co_return std::unexpected(rows.error());
    co_return schema::page_of<audit_page>(*rows, limit, read_audit_entry, [&](const audit_entry& last) {
        return schema::make_cursor(name, std::to_string(last.id));
    });
}

}  // namespace bulkhead::platform
