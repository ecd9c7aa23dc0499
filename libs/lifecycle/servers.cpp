// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/servers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/database_url.hpp"
#include "lifecycle/transaction.hpp"

namespace bulkhead::lifecycle {
namespace {

using postgres::quote_identifier;

constexpr std::string_view main_database = "postgres";

std::string password_context(std::string_view server) { return fmt::format("server/{}", server); }

bool is_name(std::string_view text) {
    const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    return !text.empty() && text.size() <= 39 && text[0] >= 'a' && text[0] <= 'z' &&
           std::ranges::all_of(text, allowed);
}

/// An administrator's login at another server, as it is made out of what is stored. Without a user it is
/// that of the control database.
postgres::conninfo login_at(const site& at, const tenancy::server_address& server, std::string user,
                            secret password) {
    auto login = at.control_info().at_address(server.host, server.port);
    if (!server.sslmode.empty()) login.sslmode = server.sslmode;
    return user.empty() ? login
                        : login.with_login(std::string(main_database), std::move(user), std::move(password));
}

/// What a URL says beyond what is stored of a server.
result<void> check_kept(const postgres::conninfo& given, const postgres::conninfo& kept) {
    if (given.user.empty()) return fail_field("/admin", "required", "the administrator's user name");
    if (given.port.find(',') != std::string::npos)
        return fail_field("/admin", "not_kept", "several ports cannot be kept; name one server");
    for (const auto& parameter : given.extra)
        if (std::ranges::find(kept.extra, parameter) == kept.extra.end())
            return fail_field(
                "/admin", "not_kept",
                fmt::format("the parameter {} cannot be kept: beside sslmode, connections to every "
                            "server go by the parameters of DATABASE_URL",
                            parameter.first));
    return {};
}

std::unexpected<error> must_be_encrypted(std::string pointer, std::string_view way) {
    return fail_field(std::move(pointer), "not_encrypted",
                      fmt::format("production needs TLS to {}: set its sslmode to require, verify-ca or "
                                  "verify-full, or DB_SSL_MODE for all servers",
                                  way));
}

result<void> check_rights(postgres::session& main) {
    const auto rights = run(main,
                            "select rolsuper or (rolcreatedb and rolcreaterole) from pg_roles "
                            "where rolname = current_user");
    if (!rights) return std::unexpected(rights.error());
    if (!rights->empty() && rights->boolean(0, 0)) return {};
    return fail_field("/admin", "not_allowed", "the login needs CREATEDB and CREATEROLE");
}

result<postgres::rows> query_open(postgres::session& main, std::string_view columns,
                                  std::string_view condition) {
    return run(main, fmt::format("select {} from pg_database where datallowconn and "
                                 "has_database_privilege('public', oid, 'CONNECT') and {} order by datname",
                                 columns, condition));
}

}  // namespace

result<std::vector<server>> list_servers(const site& at) {
    const auto found =
        run(at.control(),
            "select s.name, coalesce(s.host, ''), coalesce(s.port::text, ''), "
            "coalesce(s.sslmode, ''), coalesce(s.pooler_host, ''), "
            "coalesce(s.pooler_port::text, ''), coalesce(s.admin_user, ''), s.accepts_tenants, "
            "(select count(*) from tenants t where t.server_id = s.id) "
            "from servers s order by s.name");
    if (!found) return std::unexpected(found.error());
    std::vector<server> out;
    for (std::size_t row = 0; row < found->size(); ++row) {
        const auto text = [&](std::size_t column) { return std::string(found->text(row, column)); };
        out.push_back({.address = {.name = text(0),
                                   .host = text(1),
                                   .port = text(2),
                                   .sslmode = text(3),
                                   .pooler_host = text(4),
                                   .pooler_port = text(5)},
                       .admin_user = text(6),
                       .accepts_tenants = found->boolean(row, 7),
                       .tenants = found->integer(row, 8)});
    }
    return out;
}

result<void> add_server(const site& at, std::string_view name, const postgres::conninfo& admin) {
    if (!is_name(name))
        return fail_field("/name", "invalid_format", "lower case letters, digits and hyphens, at most 39");
    if (admin.host.empty()) return fail_field("/admin", "required", "the server's host");
    const tenancy::server_address address{.host = admin.host, .port = admin.port, .sslmode = admin.sslmode};
    if (const auto way = way_in_the_clear(at, address)) return must_be_encrypted("/admin", *way);
    // What is tried is what will be used.
    const auto login = login_at(at, address, admin.user, admin.password);
    if (auto kept = check_kept(admin, login); !kept) return kept;
    auto main = connect(login.with_database(admin.dbname));
    if (!main) return std::unexpected(std::move(main.error()));
    if (auto able = check_rights(*main); !able) return able;
    if (const auto closed = close_server(*main); !closed) return std::unexpected(closed.error());
    const auto optional = [](const std::string& text) {
        return text.empty() ? postgres::parameter(std::nullopt) : postgres::parameter(text);
    };
    const auto added =
        run(at.control(),
            "insert into servers (name, host, port, sslmode, admin_user, admin_password_sealed) "
            "values ($1, $2, $3::integer, $4, $5, $6) on conflict (name) do nothing",
            {name, admin.host, optional(admin.port), optional(admin.sslmode), admin.user,
             at.box().seal(admin.password.reveal(), password_context(name))});
    if (!added) return std::unexpected(added.error());
    if (added->affected() == 0) return fail(errc::conflict, "there is a server of this name");
    return {};
}

result<void> remove_server(const site& at, std::string_view name) {
    const auto gone = at.control().run("delete from servers where name = $1 and host is not null", {name});
    if (!gone && at.control().last_sqlstate() == "23503") return fail(errc::conflict, "tenants live there");
    if (!gone) return std::unexpected(gone.error());
    if (gone->affected() == 0)
        return fail(errc::not_found, "there is no such server, or it is not removable");
    return {};
}

result<void> accept_tenants(const site& at, std::string_view name, bool accept) {
    const auto done = run(at.control(), "update servers set accepts_tenants = $2::boolean where name = $1",
                          {name, accept ? "true" : "false"});
    if (!done) return std::unexpected(done.error());
    if (done->affected() == 0) return fail(errc::not_found, "there is no such server");
    return {};
}

result<void> set_pooler(const site& at, std::string_view name, std::string_view host, std::string_view port) {
    std::uint16_t number = 0;
    const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (!host.empty() && (failure != std::errc{} || end != port.data() + port.size() || number == 0))
        return fail_field("/port", "invalid_format", "a port from 1 to 65535");
    const auto optional = [&](std::string_view text) {
        return host.empty() ? postgres::parameter(std::nullopt) : postgres::parameter(text);
    };
    transaction all(at.control());
    if (!all.begun()) return all.begun();
    const auto done = run(at.control(),
                          "update servers set pooler_host = $2, pooler_port = $3::integer where name = $1 "
                          "returning coalesce(sslmode, '')",
                          {name, optional(host), optional(port)});
    if (!done) return std::unexpected(done.error());
    if (done->empty()) return fail(errc::not_found, "there is no such server");
    const auto way =
        way_in_the_clear(at, {.sslmode = std::string(done->text(0, 0)), .pooler_host = std::string(host)});
    if (way) return must_be_encrypted("/pooler", *way);
    // Where a tenant is reached is part of what processes remember of it.
    const auto told = run(at.control(),
                          "update tenants t set server_id = s.id from servers s "
                          "where s.id = t.server_id and s.name = $1",
                          {name});
    if (!told) return std::unexpected(told.error());
    return all.commit();
}

result<postgres::conninfo> server_login(const site& at, std::string_view name) {
    const auto found = run(at.control(),
                           "select coalesce(host, ''), coalesce(port::text, ''), coalesce(sslmode, ''), "
                           "coalesce(admin_user, ''), coalesce(admin_password_sealed, '') "
                           "from servers where name = $1",
                           {name});
    if (!found) return std::unexpected(found.error());
    if (found->empty()) return fail(errc::not_found, "there is no such server");
    const auto text = [&](std::size_t column) { return std::string(found->text(0, column)); };
    if (text(0).empty()) return at.control_info();
    const tenancy::server_address address{.host = text(0), .port = text(1), .sslmode = text(2)};
    if (text(3).empty()) return login_at(at, address, "", secret());
    auto password = at.box().open(found->text(0, 4), password_context(name));
    if (!password) return std::unexpected(std::move(password.error()));
    return login_at(at, address, text(3), *std::move(password));
}

std::optional<std::string> way_in_the_clear(const site& at, const tenancy::server_address& server) {
    const auto& sslmode = server.sslmode.empty() ? at.control_info().sslmode : server.sslmode;
    if (!at.settings().demand_tls || config::demands_tls(sslmode)) return std::nullopt;
    for (const auto& host : {server.host, server.pooler_host})
        if (!config::is_local_host(host))
            return fmt::format("{} (sslmode {})", host, sslmode.empty() ? "prefer" : sslmode);
    return std::nullopt;
}

result<std::vector<std::string>> close_server(postgres::session& main) {
    const auto ours =
        query_open(main, "datname, datname = current_database() or pg_has_role(datdba, 'USAGE')",
                   "datname in (current_database(), 'postgres', 'template1')");
    if (!ours) return std::unexpected(ours.error());
    for (std::size_t i = 0; i < ours->size(); ++i) {
        if (!ours->boolean(i, 1)) continue;
        const auto sql = fmt::format("revoke connect, temporary on database {} from public",
                                     quote_identifier(ours->text(i, 0)));
        if (auto done = run(main, sql); !done) return std::unexpected(std::move(done.error()));
    }
    return open_databases(main);
}

result<std::vector<std::string>> open_databases(postgres::session& main) {
    const auto found = query_open(main, "datname", "true");
    if (!found) return std::unexpected(found.error());
    std::vector<std::string> names;
    for (std::size_t i = 0; i < found->size(); ++i) names.emplace_back(found->text(i, 0));
    return names;
}

}  // namespace bulkhead::lifecycle
