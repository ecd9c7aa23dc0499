// SPDX-License-Identifier: Apache-2.0
#include "tenancy/tenant.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace bulkhead::tenancy {
namespace {

constexpr std::array<std::string_view, 6> statuses{"provisioning", "active",  "suspended",
                                                   "maintenance",  "deleted", "purging"};

constexpr std::array<std::string_view, 44> reserved{
    "account", "accounts", "admin",    "administrator", "api",      "api-docs", "app",       "assets",
    "auth",    "billing",  "blog",     "bulkhead",      "cdn",      "control",  "dashboard", "dev",
    "docs",    "ftp",      "health",   "healthz",       "help",     "internal", "localhost", "login",
    "mail",    "metrics",  "null",     "ops",           "platform", "postgres", "readyz",    "root",
    "signup",  "smtp",     "staging",  "static",        "status",   "support",  "system",    "template",
    "tenant",  "tenants",  "webhooks", "www",
};
static_assert(std::ranges::is_sorted(reserved));

/// The control database's login and TLS settings at another server.
postgres::conninfo server_conninfo(const postgres::conninfo& control, const server_address& at) {
    if (at.host.empty()) return control;
    auto info = control.at_address(at.host, at.port);
    if (!at.sslmode.empty()) info.sslmode = at.sslmode;
    return info;
}

constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_slug_char(char c) { return is_lower(c) || (c >= '0' && c <= '9') || c == '-'; }

}  // namespace

std::string_view status_name(tenant_status status) noexcept {
    return statuses[static_cast<std::size_t>(status)];
}

std::optional<tenant_status> parse_status(std::string_view name) noexcept {
    const auto found = std::ranges::find(statuses, name);
    if (found == statuses.end()) return std::nullopt;
    return static_cast<tenant_status>(found - statuses.begin());
}

result<void> check_slug(std::string_view slug) {
    if (slug.size() < 2) return fail_field("/slug", "too_short", "at least 2 characters");
    if (slug.size() > 39) return fail_field("/slug", "too_long", "at most 39 characters");
    if (!is_lower(slug.front()) || slug.back() == '-' || !std::ranges::all_of(slug, is_slug_char))
        return fail_field("/slug", "invalid_format",
                          "lower case letters, digits and inner hyphens, beginning with a letter");
    if (std::ranges::binary_search(reserved, slug))
        return fail_field("/slug", "reserved", "this name is reserved");
    return {};
}

result<void> check_name(std::string_view name) {
    const auto characters = is_utf8(name) ? count_code_points(name) : 0;
    if (characters < 1 || characters > 200 || name.find('\0') != name.npos)
        return fail_field("/name", "invalid_length", "1 to 200 characters");
    return {};
}

std::string database_name(const uuid& id) { return "bulkhead_t_" + id.to_compact(); }

std::string owner_role_name(const uuid& id) { return database_name(id) + "_owner"; }

std::string owner_password_context(const uuid& id) { return id.to_string() + "/owner"; }

postgres::conninfo tenant_conninfo(const postgres::conninfo& control, const tenant& target) {
    const auto& at = target.server;
    auto info = server_conninfo(control, at).with_login(target.database, target.role, target.password);
    return at.pooler_host.empty() ? info : info.through(at.pooler_host, at.pooler_port);
}

result<postgres::conninfo> owner_conninfo(const postgres::conninfo& control, const tenant& target,
                                          const sealed_box& box) {
    const auto server = server_conninfo(control, target.server);
    if (target.owner_role.empty()) return server.with_database(target.database);
    auto password = box.open(target.sealed_owner_password, owner_password_context(target.id));
    if (!password) return std::unexpected(std::move(password.error()));
    return server.with_login(target.database, target.owner_role, *std::move(password));
}

}  // namespace bulkhead::tenancy
