// SPDX-License-Identifier: Apache-2.0
#include "tenancy/control_store.hpp"

#include <fmt/format.h>

namespace bulkhead::tenancy {

const std::string& select_tenant() {
    using postgres::rfc3339;
    static const std::string sql = fmt::format(
        "select t.id, t.slug, t.name, t.status, s.name, coalesce(s.host, ''), coalesce(s.port::text, ''), "
        "coalesce(s.sslmode, ''), coalesce(s.pooler_host, ''), coalesce(s.pooler_port::text, ''), "
        "t.database, "
        "t.role_name, t.role_password_sealed, coalesce(t.owner_role, ''), coalesce(t.owner_password_sealed, "
        "''), "
        "t.schema_version, t.key_version, t.limits::text, t.storage_bytes, "
        "{}, "
        "coalesce({}, ''), "
        "coalesce({}, ''), "
        "t.revision "
        "from tenants t join servers s on s.id = t.server_id ",
        rfc3339("t.created_at"), rfc3339("t.purge_after"), rfc3339("t.measured_at"));
    return sql;
}

namespace {

result<std::vector<tenant>> query(postgres::session& control, std::string_view where,
                                  std::initializer_list<postgres::parameter> parameters = {}) {
    const auto found = control.run(select_tenant() + std::string(where), parameters);
    if (!found) return std::unexpected(found.error());
    std::vector<tenant> tenants;
    for (std::size_t row = 0; row < found->size(); ++row) {
        const auto text = [&](std::size_t column) { return std::string(found->text(row, column)); };
        const auto id = uuid::parse(found->text(row, 0));
        const auto status = parse_status(found->text(row, 3));
        if (!id || !status) return fail(errc::internal);
        tenants.push_back({.id = *id,
                           .slug = text(1),
                           .name = text(2),
                           .status = *status,
                           .server = {.name = text(4),
                                      .host = text(5),
                                      .port = text(6),
                                      .sslmode = text(7),
                                      .pooler_host = text(8),
                                      .pooler_port = text(9)},
                           .database = text(10),
                           .role = text(11),
                           .sealed_password = text(12),
                           .password = {},
                           .owner_role = text(13),
                           .sealed_owner_password = text(14),
                           .schema_version = found->integer(row, 15),
                           .key_version = static_cast<int>(found->integer(row, 16)),
                           .revision = found->integer(row, 22),
                           .limits = parse_limits(found->text(row, 17)),
                           .storage_bytes = found->integer(row, 18),
                           .created_at = text(19),
                           .purge_after = text(20),
                           .measured_at = text(21)});
    }
    return tenants;
}

result<std::optional<tenant>> at_most_one(result<std::vector<tenant>> found) {
    if (!found) return std::unexpected(std::move(found.error()));
    if (found->empty()) return std::nullopt;
    return std::move(found->front());
}

}  // namespace

result<std::vector<tenant>> list_tenants(postgres::session& control) {
    return query(control, "order by t.slug");
}

result<std::optional<tenant>> find_tenant(postgres::session& control, std::string_view slug) {
    return at_most_one(query(control, "where t.slug = $1", {slug}));
}

result<std::optional<tenant>> find_tenant(postgres::session& control, const uuid& id) {
    return at_most_one(query(control, "where t.id = $1", {id}));
}

result<void> open_password(tenant& target, const sealed_box& box) {
    auto opened = box.open(target.sealed_password, target.id.to_string());
    if (!opened) return std::unexpected(std::move(opened.error()));
    target.password = *std::move(opened);
    return {};
}

result<void> save_schema_version(postgres::session& control, const uuid& id, std::int64_t version) {
    // Unchanged rows are left alone: an update would tell every process to forget the tenant.
    const auto saved = control.run(
        "update tenants set schema_version = $2::bigint, updated_at = now() "
        "where id = $1 and schema_version <> $2::bigint",
        {id, version});
    if (!saved) return std::unexpected(saved.error());
    return {};
}

}  // namespace bulkhead::tenancy
