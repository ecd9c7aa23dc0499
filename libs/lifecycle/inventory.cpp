// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/inventory.hpp"

#include <algorithm>
#include <array>

#include "tenancy/control_store.hpp"

namespace bulkhead::lifecycle {
namespace {

/// The 32 digits of "bulkhead_t_<id>", "bulkhead_t_<id>_owner", "bulkhead_deleted_<id>"; "" for other names.
std::string_view id_in(std::string_view name) {
    constexpr std::size_t digits = 32;
    for (const std::string_view prefix : {"bulkhead_t_", "bulkhead_deleted_"}) {
        if (!name.starts_with(prefix)) continue;
        const auto id = name.substr(prefix.size()).substr(0, digits);
        if (id.size() == digits && id.find_first_not_of("0123456789abcdef") == id.npos) return id;
    }
    return {};
}

}  // namespace

bool server_inventory::has_templates_besides(std::string_view prefix) const {
    return std::ranges::any_of(databases, [&](const std::string& name) {
        return name.starts_with("bulkhead_template_") && !name.starts_with(prefix);
    });
}

result<server_inventory> take_inventory(postgres::session& server) {
    server_inventory out;
    const auto databases =
        run(server, "select datname from pg_database where starts_with(datname, 'bulkhead_')");
    if (!databases) return std::unexpected(databases.error());
    for (std::size_t row = 0; row < databases->size(); ++row) out.databases.emplace(databases->text(row, 0));
    const auto roles = run(
        server,
        "select rolname, pg_has_role(oid, 'usage') from pg_roles where starts_with(rolname, 'bulkhead_')");
    if (!roles) return std::unexpected(roles.error());
    for (std::size_t row = 0; row < roles->size(); ++row)
        out.roles.emplace(roles->text(row, 0), roles->boolean(row, 1));
    return out;
}

std::vector<std::pair<std::string, std::string>> inventory::strangers(const server_inventory& there,
                                                                      std::string_view server) const {
    std::set<std::string, std::less<>> at_home;
    for (const auto& one : tenants)
        if (one.unfinished || one.row.server.name == server) at_home.insert(one.row.id.to_compact());
    for (const auto& [id, place] : spares)
        if (place == server) at_home.insert(id);
    const auto strange = [&](const std::string& name) {
        const auto id = id_in(name);
        return !id.empty() && !at_home.contains(id);
    };
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& name : there.databases)
        if (strange(name)) out.emplace_back("database", name);
    for (const auto& [name, member] : there.roles)
        if (strange(name)) out.emplace_back("role", name);
    return out;
}

result<inventory> read_inventory(const site& at) {
    inventory out;
    auto tenants = tenancy::list_tenants(at.control());
    if (!tenants) return std::unexpected(std::move(tenants.error()));
    const auto busy = run(at.control(), "select tenant_id from operations where finished_at is null");
    if (!busy) return std::unexpected(busy.error());
    std::set<std::string, std::less<>> unfinished;
    for (std::size_t row = 0; row < busy->size(); ++row) unfinished.emplace(busy->text(row, 0));
    for (auto& one : *tenants) {
        const bool at_work = unfinished.contains(one.id.to_string());
        out.tenants.push_back({.row = std::move(one), .unfinished = at_work});
    }
    const auto spares = run(at.control(),
                            "select replace(p.id::text, '-', ''), s.name from spare_databases p "
                            "join servers s on s.id = p.server_id");
    if (!spares) return std::unexpected(spares.error());
    for (std::size_t row = 0; row < spares->size(); ++row)
        out.spares.emplace(spares->text(row, 0), spares->text(row, 1));
    return out;
}

}  // namespace bulkhead::lifecycle
