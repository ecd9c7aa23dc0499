// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/audit_log.hpp"

#include <fmt/format.h>

namespace bulkhead::lifecycle {
namespace {

result<std::vector<audit_entry>> query(const site& at, std::string_view where,
                                       std::initializer_list<postgres::parameter> parameters) {
    const auto found = run(at.control(),
                           fmt::format("select {}, actor, action, detail::text from platform_audit {}",
                                       postgres::rfc3339("at"), where),
                           parameters);
    if (!found) return std::unexpected(found.error());
    std::vector<audit_entry> out;
    for (std::size_t row = 0; row < found->size(); ++row) {
        const auto text = [&](std::size_t column) { return std::string(found->text(row, column)); };
        auto detail = parse_json(found->text(row, 3));
        out.push_back({.at = text(0), .actor = text(1), .action = text(2)});
        if (detail && detail->is_object()) out.back().detail = std::move(detail->as_object());
    }
    return out;
}

}  // namespace

result<std::vector<audit_entry>> read_audit(const site& at, const uuid& tenant, std::size_t most) {
    return query(at, "where tenant_id = $1 order by id desc limit $2::bigint",
                 {tenant, static_cast<std::int64_t>(most)});
}

result<std::optional<audit_entry>> last_of(const site& at, std::string_view action, std::string_view slug) {
    auto found = query(at, "where action = $1 and slug = $2 order by id desc limit 1", {action, slug});
    if (!found) return std::unexpected(std::move(found.error()));
    if (found->empty()) return std::nullopt;
    return std::move(found->front());
}

}  // namespace bulkhead::lifecycle
