// SPDX-License-Identifier: Apache-2.0
#include "config/database_url.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/text.hpp"
#include "config/url_parts.hpp"

namespace bulkhead::config {
namespace {

constexpr std::array<std::string_view, 6> ssl_modes{"disable", "allow",     "prefer",
                                                    "require", "verify-ca", "verify-full"};

std::unexpected<error> bad(std::string_view why) { return fail(errc::validation_failed, std::string(why)); }

bool is_scheme(std::string_view scheme) {
    return scheme == "postgresql" || scheme == "postgres" || scheme.starts_with("postgresql+") ||
           scheme.starts_with("postgres+");
}

/// A host as libpq reads it: a path (or '@' for the abstract namespace) is a socket, and so is none at all.
bool is_local(std::string_view host) {
    return host.empty() || host.starts_with('/') || host.starts_with('@') || is_loopback(host);
}

bool is_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
    return ec == std::errc{} && end == text.data() + text.size() && port > 0;
}

struct target {
    bool local = true;
    bool named = false;  // the database
};

result<> read_hosts(target& out, const url_parts& parts) {
    for (const auto one : split(parts.hosts, ',')) {
        const auto at = split_host_port(one);
        if (!at || (!at->port.empty() && !is_port(at->port))) return bad("a host or port is malformed");
        const auto host = percent_decode(at->host, false);
        if (!host) return bad("the host has a broken %-escape");
        out.local = out.local && is_local(*host);
    }
    return {};
}

/// Parameters that override what stands before the '?'. `sslmode` is set to the mode they ask for.
result<> read_query(target& out, std::string& sslmode, const url_parts& parts) {
    for (const auto& [name, raw] : parts.query) {
        const auto value = percent_decode(raw, false);
        if (!value) return bad("a parameter has a broken %-escape");
        if (name == "sslmode" || name == "ssl") {
            sslmode = name == "ssl" && *value == "true" ? "require" : *value;
            if (!is_ssl_mode(sslmode))
                return bad("sslmode is none of disable, allow, prefer, require, verify-ca, verify-full");
        } else if (name == "host" || name == "hostaddr") {
            out.local = out.local && is_local_host(*value);
        } else if (name == "service") {
            out.local = false;  // whatever that file says
            out.named = true;
        } else if (name == "dbname") {
            out.named = !value->empty();
        }
    }
    return {};
}

/// The same URL with libpq's scheme and libpq's name for asyncpg's `ssl`.
std::string normalised(std::string_view url, const url_parts& parts, std::string_view sslmode) {
    std::string out = "postgresql";
    out += url.substr(parts.scheme.size(), url.find('?') - parts.scheme.size());
    char separator = '?';
    for (const auto& [name, value] : parts.query) {
        out += std::exchange(separator, '&');
        out += name == "ssl" ? "sslmode" : name;
        out += '=';
        out += name == "ssl" ? sslmode : value;
    }
    return out;
}

}  // namespace

result<database_url> parse_database_url(std::string_view url) {
    const auto parts = split_url(url);
    if (!parts || !is_scheme(parts->scheme))
        return bad("must be a URL: postgresql://user:password@host:5432/database");
    if (!percent_decode(parts->user, false) || !percent_decode(parts->password, false))
        return bad("user or password has a broken %-escape; write % as %25");
    if (parts->user.find('@') != std::string_view::npos ||
        parts->password.find('@') != std::string_view::npos)
        return bad("user or password holds an @; write it as %40");  // libpq takes the first one for the end
    target found{.named = parts->path.size() > 1};
    std::string sslmode;
    if (auto ok = read_hosts(found, *parts); !ok) return std::unexpected(ok.error());
    if (auto ok = read_query(found, sslmode, *parts); !ok) return std::unexpected(ok.error());
    if (!found.named) return bad("must name the control database: postgresql://host/database");
    return database_url{secret(normalised(url, *parts, sslmode)), sslmode, found.local};
}

bool is_local_host(std::string_view hosts) { return std::ranges::all_of(split(hosts, ','), is_local); }

bool is_ssl_mode(std::string_view word) noexcept {
    return std::ranges::find(ssl_modes, word) != ssl_modes.end();
}

bool demands_tls(std::string_view ssl_mode) noexcept {
    return ssl_mode == "require" || ssl_mode == "verify-ca" || ssl_mode == "verify-full";
}

}  // namespace bulkhead::config
