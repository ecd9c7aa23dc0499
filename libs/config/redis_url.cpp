// SPDX-License-Identifier: Apache-2.0
#include "config/redis_url.hpp"

#include <charconv>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "config/url_parts.hpp"

namespace bulkhead {
namespace {

constexpr std::uint16_t default_port = 6379;

std::unexpected<error> bad(std::string_view why) { return fail(errc::validation_failed, std::string(why)); }

template <class Number>
std::optional<Number> to_number(std::string_view text) {
    Number value{};
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size() || text.starts_with('-')) return std::nullopt;
    return value;
}

/// One part with its escapes resolved; a NUL in it would end it early in C code.
std::optional<std::string> decode(std::string_view text) {
    auto decoded = percent_decode(text, false);
    if (decoded && decoded->find('\0') != std::string::npos) return std::nullopt;
    return decoded;
}

result<> set_credentials(redis_endpoint& out, const config::url_parts& parts) {
    auto user = decode(parts.user);
    auto password = decode(parts.password);
    if (!user || !password) return bad("user or password has a broken %-escape");
    out.user = *std::move(user);
    out.password = secret(*std::move(password));
    if (!out.user.empty() && out.password.empty()) return bad("a user needs a password: user:password@");
    return {};
}

result<> set_database(redis_endpoint& out, std::string_view text) {
    const auto number = to_number<int>(text);
    if (!number) return bad("the database must be a number, 0 or above");
    out.database = *number;
    return {};
}

/// redis-py, ioredis and others put the database of a socket, and sometimes of a host, into the query.
result<> set_query(redis_endpoint& out, const config::url_parts& parts) {
    bool seen = false;
    for (const auto& [name, value] : parts.query) {
        if (name != "db") return bad("the only parameter known is db");
        if (std::exchange(seen, true)) return bad("db is given twice");
        if (auto ok = set_database(out, value); !ok) return ok;
    }
    return {};
}

result<> set_socket(redis_endpoint& out, const config::url_parts& parts) {
    constexpr std::size_t longest = 107;  // sun_path of unix(7), with its NUL
    auto path = decode(parts.path);
    if (!path) return bad("the path has a broken %-escape");
    if (!parts.hosts.empty() || path->size() < 2) return bad("a socket is written unix:///path/to/socket");
    if (path->size() > longest) return bad("the path of a socket has at most 107 bytes");
    out.unix_path = *std::move(path);
    return set_query(out, parts);
}

result<> set_host(redis_endpoint& out, const config::url_parts& parts) {
    const auto split = config::split_host_port(parts.hosts);
    if (!split || split->host.empty() || split->host.find_first_of(",%/\\@[]") != std::string_view::npos)
        return bad("one host is needed: redis://host:6379/0");
    out.host = split->host;
    const auto port = split->port.empty() ? default_port : to_number<std::uint16_t>(split->port).value_or(0);
    if (port == 0) return bad("the port must be 1 to 65535");
    out.port = port;
    if (parts.path.size() > 1) {
        if (!parts.query.empty()) return bad("no parameters can follow a database in the path");
        return set_database(out, parts.path.substr(1));
    }
    return set_query(out, parts);
}

}  // namespace

result<redis_endpoint> parse_redis_url(std::string_view url) {
    const auto parts = config::split_url(url);
    if (!parts) return bad("not a URL: redis://[:password@]host:6379/0, rediss:// or unix:///path");
    const auto scheme = to_lower(parts->scheme);
    const bool socket = scheme == "unix";
    redis_endpoint out;
    out.tls = scheme == "rediss";
    if (!socket && !out.tls && scheme != "redis")
        return bad("must start with redis://, rediss:// or unix://");
    if (auto ok = set_credentials(out, *parts); !ok) return std::unexpected(ok.error());
    if (auto ok = socket ? set_socket(out, *parts) : set_host(out, *parts); !ok)
        return std::unexpected(ok.error());
    return out;
}

}  // namespace bulkhead
