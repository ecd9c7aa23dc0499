// SPDX-License-Identifier: Apache-2.0
// bulkhead-migrator server add, list, remove, drain, accept, pooler
#include "lifecycle/servers.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "commands.hpp"
#include "reporting.hpp"

namespace bulkhead::migrator {
namespace {

using lifecycle::server;

json::value or_null(const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
}

void print(const context& with, const server& one) {
    const auto& address = one.address;
    const auto host = address.host.empty()
                          ? "(that of the control database)"
                          : fmt::format("{}:{}", address.host, address.port.empty() ? "5432" : address.port);
    const auto pooler =
        address.pooler_host.empty() ? "-" : fmt::format("{}:{}", address.pooler_host, address.pooler_port);
    with.out.data({{"type", "server"},
                   {"name", address.name},
                   {"host", or_null(address.host)},
                   {"port", or_null(address.port)},
                   {"sslmode", or_null(address.sslmode)},
                   {"admin", or_null(one.admin_user)},
                   {"pooler_host", or_null(address.pooler_host)},
                   {"pooler_port", or_null(address.pooler_port)},
                   {"accepts_tenants", one.accepts_tenants},
                   {"tenants", one.tenants}},
                  fmt::format("{:<39} {:>7}  {:<8} {}  {}", address.name, one.tenants,
                              one.accepts_tenants ? "accepts" : "drained", host, pooler));
}

int fail_with(const context& with, const error& why) {
    with.out.message(explain("server", with.args.server, why));
    return why.code == errc::validation_failed ? exit_usage : exit_failed;
}

/// Shows the server as it is after a change.
int report(const context& with, const lifecycle::site& at, const result<void>& changed) {
    if (!changed) return fail_with(with, changed.error());
    const auto servers = lifecycle::list_servers(at);
    if (!servers) return fail_with(with, servers.error());
    for (const auto& one : *servers)
        if (one.address.name == with.args.server) print(with, one);
    with.out.summary({{"changed", true}});
    return exit_ok;
}

/// "host:port", "[::1]:port"; both empty for "none".
std::optional<std::pair<std::string, std::string>> parse_pooler(std::string_view text) {
    if (text == "none") return std::pair<std::string, std::string>{};
    const auto colon = text.rfind(':');
    if (colon == text.npos || colon == 0) return std::nullopt;
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto port = text.substr(colon + 1);
    return std::pair{std::string(host), std::string(port)};
}

}  // namespace

int list_servers(const context& with) {
    const auto at = site_of(with, "");
    const auto servers = lifecycle::list_servers(at);
    if (!servers) return fail_with(with, servers.error());
    for (const auto& one : *servers) print(with, one);
    with.out.summary({{"servers", servers->size()}});
    return exit_ok;
}

int add_server(const context& with) {
    const auto url = read_secret_file(with.args.file);
    if (!url) return with.out.message(url.error()), exit_usage;
    auto admin = postgres::parse_database_url(trim(url->reveal()));
    if (!admin)
        return with.out.message(fmt::format("{}: {}", with.args.file, admin.error().detail)), exit_usage;
    const auto at = site_of(with, "");
    return report(with, at, lifecycle::add_server(at, with.args.server, *admin));
}

int remove_server(const context& with) {
    const auto at = site_of(with, "");
    if (const auto gone = lifecycle::remove_server(at, with.args.server); !gone)
        return fail_with(with, gone.error());
    with.out.summary({{"removed", with.args.server}});
    return exit_ok;
}

int drain_server(const context& with) {
    const auto at = site_of(with, "");
    return report(with, at, lifecycle::accept_tenants(at, with.args.server, false));
}

int accept_server(const context& with) {
    const auto at = site_of(with, "");
    return report(with, at, lifecycle::accept_tenants(at, with.args.server, true));
}

int set_pooler(const context& with) {
    const auto pooler = parse_pooler(with.args.pooler);
    if (!pooler) {
        with.out.message(
            fmt::format("server pooler: \"{}\" is neither HOST:PORT nor \"none\"", with.args.pooler));
        return exit_usage;
    }
    const auto at = site_of(with, "");
    return report(with, at, lifecycle::set_pooler(at, with.args.server, pooler->first, pooler->second));
}

}  // namespace bulkhead::migrator
