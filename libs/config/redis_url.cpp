// SPDX-License-Identifier: Apache-2.0
#include "config/redis_url.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "config/url_parts.hpp"

namespace bulkhead {
namespace {

constexpr std::uint16_t default_port = 6379;
constexpr std::uint16_t sentinel_port = 26379;
constexpr std::size_t most_seeds = 32;

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

bool is_host(std::string_view text) {
    return !text.empty() && text.find_first_of(",%/\\@[]") == std::string_view::npos;
}

/// 0: it is none.
std::uint16_t port_of(std::string_view text, std::uint16_t by_default) {
    return text.empty() ? by_default : to_number<std::uint16_t>(text).value_or(0);
}

result<> set_host(redis_endpoint& out, const config::url_parts& parts) {
    const auto split = config::split_host_port(parts.hosts);
    if (!split || !is_host(split->host)) return bad("one host is needed: redis://host:6379/0");
    out.host = split->host;
    out.port = port_of(split->port, default_port);
    if (out.port == 0) return bad("the port must be 1 to 65535");
    if (parts.path.size() > 1) {
        if (!parts.query.empty()) return bad("no parameters can follow a database in the path");
        return set_database(out, parts.path.substr(1));
    }
    return set_query(out, parts);
}

result<> set_seeds(redis_endpoint& out, std::string_view hosts, std::uint16_t by_default) {
    for (const auto each : split(hosts, ',')) {
        const auto parts = config::split_host_port(each);
        if (!parts || !is_host(parts->host)) return bad("hosts are needed, with commas: host:port,host:port");
        const auto port = port_of(parts->port, by_default);
        if (port == 0) return bad("the port must be 1 to 65535");
        out.seeds.emplace_back(parts->host, port);
    }
    if (out.seeds.size() > most_seeds) return bad("at most 32 hosts can be named");
    return {};
}

result<> set_sentinel_query(redis_endpoint& out, const config::url_parts& parts) {
    std::vector<std::string_view> seen;
    for (const auto& [name, value] : parts.query) {
        if (std::ranges::find(seen, name) != seen.end()) return bad("a parameter is given twice");
        seen.push_back(name);
        auto text = decode(value);
        if (!text) return bad("a parameter has a broken %-escape");
        if (name == "sentinel_user")
            out.sentinel_user = *std::move(text);
        else if (name == "sentinel_password")
            out.sentinel_password = secret(*std::move(text));
        else
            return bad("the only parameters known are sentinel_user and sentinel_password");
    }
    if (!out.sentinel_user.empty() && out.sentinel_password.empty())
        return bad("a sentinel_user needs a sentinel_password");
    return {};
}

/// /service or /service/database.
result<> set_sentinels(redis_endpoint& out, const config::url_parts& parts) {
    if (auto ok = set_seeds(out, parts.hosts, sentinel_port); !ok) return ok;
    const auto path = parts.path.empty() ? parts.path : parts.path.substr(1);
    const auto slash = path.find('/');
    auto service = decode(path.substr(0, slash));
    if (!service || service->empty())
        return bad("the sentinels' name of the primary is needed: redis+sentinel://host:26379/service/0");
    out.service = *std::move(service);
    if (slash != std::string_view::npos && slash + 1 < path.size())
        if (auto ok = set_database(out, path.substr(slash + 1)); !ok) return ok;
    return set_sentinel_query(out, parts);
}

result<> set_cluster(redis_endpoint& out, const config::url_parts& parts) {
    if (!parts.query.empty()) return bad("a cluster has no parameters");
    if (!parts.path.empty() && parts.path != "/" && parts.path != "/0")
        return bad("a cluster has only database 0");
    return set_seeds(out, parts.hosts, default_port);
}

/// What stands for each scheme; `tls` where its name begins with rediss.
struct form {
    std::string_view scheme;
    bool tls;
    result<> (*set)(redis_endpoint& out, const config::url_parts& parts);
};

constexpr form forms[] = {
    {"redis", false, set_host},
    {"rediss", true, set_host},
    {"unix", false, set_socket},
    {"redis+sentinel", false, set_sentinels},
    {"rediss+sentinel", true, set_sentinels},
    {"redis+cluster", false, set_cluster},
    {"rediss+cluster", true, set_cluster},
};

}  // namespace

result<redis_endpoint> parse_redis_url(std::string_view url) {
    const auto parts = config::split_url(url);
    if (!parts) return bad("not a URL: redis://[:password@]host:6379/0, rediss:// or unix:///path");
    const auto scheme = to_lower(parts->scheme);
    const auto* const known = std::ranges::find(forms, scheme, &form::scheme);
    if (known == std::end(forms))
        return bad("must start with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://");
    redis_endpoint out;
    out.tls = known->tls;
    if (auto ok = set_credentials(out, *parts); !ok) return std::unexpected(ok.error());
    if (auto ok = known->set(out, *parts); !ok) return std::unexpected(ok.error());
    return out;
}

}  // namespace bulkhead
