// SPDX-License-Identifier: Apache-2.0
#include "config/parsers.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "config/database_url.hpp"
#include "config/url_parts.hpp"

namespace bulkhead::config {
namespace {

constexpr std::array<std::string_view, 4> environments{"development", "test", "staging", "production"};

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_label_char(char c) { return is_lower(c) || is_digit(c) || c == '-'; }

bool is_dns_label(std::string_view label) {
    constexpr std::size_t longest = 63;
    return !label.empty() && label.size() <= longest && label.front() != '-' && label.back() != '-' &&
           std::ranges::all_of(label, is_label_char);
}

std::unexpected<std::string> not_one(std::string_view text, std::string_view expected) {
    return std::unexpected(fmt::format("\"{:.80}\" is not {}", text, expected));
}

std::optional<rate_window> parse_rate(std::string_view text) {
    using namespace std::chrono_literals;
    constexpr auto shortest = 1s;
    constexpr auto longest = 24h;
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto count = parse_number<std::uint64_t, 1, 1'000'000'000>(text.substr(0, slash));
    const auto length = parse_duration(text.substr(slash + 1));
    if (!count || !length || *length < shortest || *length > longest || *length % 1s != 0s)
        return std::nullopt;
    return rate_window{static_cast<std::int64_t>(*count), std::chrono::floor<std::chrono::seconds>(*length)};
}

}  // namespace

std::string_view environment_name(environment value) noexcept {
    return environments[static_cast<std::size_t>(value)];
}

parsed<bool> parse_bool(std::string_view text) {
    for (const auto yes : {"true", "yes", "on", "1"})
        if (iequals(text, yes)) return true;
    for (const auto no : {"false", "no", "off", "0"})
        if (iequals(text, no)) return false;
    return not_one(text, "true or false");
}

parsed<environment> parse_environment(std::string_view text) {
    const auto* const at = std::ranges::find(environments, to_lower(text));
    if (at == environments.end()) return not_one(text, "development, test, staging or production");
    return static_cast<environment>(at - environments.begin());
}

parsed<std::string> parse_address(std::string_view text) {
    std::string address(iequals(text, "localhost") ? "127.0.0.1" : text);
    in6_addr any{};
    if (::inet_pton(AF_INET, address.c_str(), &any) == 1 || ::inet_pton(AF_INET6, address.c_str(), &any) == 1)
        return address;
    return not_one(text, "an IP address such as 0.0.0.0, 127.0.0.1 or ::");
}

parsed<server_address> parse_server(std::string_view text) {
    const auto parts = split_host_port(text);
    const auto port = parts ? parse_number<std::uint16_t, 1, 65535>(parts->port) : parsed<std::uint16_t>(0);
    if (!parts || parts->host.empty() || !port)
        return not_one(text, "a host and a port such as localhost:6432");
    return server_address{std::string(parts->host), *port};
}

parsed<std::vector<ip_network>> parse_networks(std::string_view text) {
    constexpr std::size_t most = 256;
    std::vector<ip_network> out;
    for (const auto piece : split(text, ',')) {
        const auto element = trim(piece);
        const auto network = ip_network::parse(element);
        if (!network)
            return not_one(element,
                           "an IP address or a network such as 10.0.0.0/8, 2001:db8::/32, without bits "
                           "behind the prefix");
        out.push_back(*network);
    }
    if (out.size() > most)
        return std::unexpected(fmt::format("has {} networks, {} are the most", out.size(), most));
    return out;
}

parsed<std::vector<rate_window>> parse_rates(std::string_view text) {
    constexpr std::size_t most = 4;
    std::vector<rate_window> out;
    if (iequals(text, "off")) return out;
    for (const auto piece : split(text, ',')) {
        const auto element = trim(piece);
        const auto rate = parse_rate(element);
        if (!rate)
            return not_one(element, "a count and a time from 1s to 24h in whole seconds such as 60/1m");
        if (std::ranges::any_of(out, [&](const auto& each) { return each.length == rate->length; }))
            return std::unexpected(fmt::format("\"{:.80}\" has two counts for one time", text));
        out.push_back(*rate);
    }
    if (out.size() > most)
        return std::unexpected(fmt::format("has {} limits, {} are the most", out.size(), most));
    return out;
}

parsed<std::array<unsigned, 3>> parse_concurrency(std::string_view text) {
    constexpr std::array<std::string_view, 3> names{"critical", "default", "bulk"};
    std::array<unsigned, 3> out{4, 16, 4};
    std::array<bool, 3> seen{};
    for (const auto piece : split(text, ',')) {
        const auto element = trim(piece);
        const auto equals = element.find('=');
        const auto lane = std::ranges::find(names, element.substr(0, equals)) - names.begin();
        const auto at = static_cast<std::size_t>(lane);
        if (equals == element.npos || at == names.size())
            return not_one(element,
                           "a lane and a number such as default=16; lanes are critical, default, bulk");
        if (std::exchange(seen[at], true))
            return std::unexpected(fmt::format("\"{:.80}\" has two numbers for one lane", text));
        const auto count = parse_number<unsigned, 0, 1'000>(element.substr(equals + 1));
        if (!count) return std::unexpected(count.error());
        out[at] = *count;
    }
    if (std::ranges::count(out, 0U) == 3) return std::unexpected("leaves no lane a slot");
    return out;
}

parsed<std::string> parse_text(std::string_view text) { return std::string(text); }

parsed<std::string> parse_slug(std::string_view text) {
    constexpr std::size_t longest = 39;
    if (text.size() >= 2 && text.size() <= longest && is_lower(text.front()) &&
        std::ranges::all_of(text, is_label_char))
        return std::string(text);
    return not_one(text, "a tenant's slug: 2 to 39 of a-z, 0-9 and -, a letter first");
}

parsed<std::string> parse_domain(std::string_view text) {
    constexpr std::size_t longest = 253;
    auto name = to_lower(text.starts_with('.') ? text.substr(1) : text);
    if (name.size() <= longest && std::ranges::all_of(split(name, '.'), is_dns_label)) return name;
    return not_one(text, "a domain name such as app.example.com");
}

parsed<unsigned> parse_password_hash(std::string_view text) {
    constexpr std::string_view scheme = "bcrypt:";
    if (text.starts_with(scheme))
        if (const auto cost = parse_number<unsigned, 4, 15>(text.substr(scheme.size()))) return *cost;
    return not_one(text, "supported; today that is bcrypt:4 to bcrypt:15");
}

parsed<secret> parse_key(std::string_view text) {
    constexpr std::size_t key_bytes = 32;
    auto bytes = from_base64(text);
    if (bytes && bytes->size() == key_bytes) return secret(*std::move(bytes));
    return std::unexpected("must be 32 bytes in base64 (44 characters): openssl rand -base64 32");
}

parsed<bool> parse_log_format(std::string_view text) {
    if (iequals(text, "json")) return true;
    if (iequals(text, "pretty")) return false;
    return not_one(text, "json or pretty");
}

parsed<double> parse_part(std::string_view text) {
    if (const auto flag = parse_bool(text)) return *flag ? 1 : 0;
    double part = -1;
    const auto [end, ec] =
        std::from_chars(text.data(), text.data() + text.size(), part, std::chars_format::fixed);
    if (ec == std::errc{} && end == text.data() + text.size() && part >= 0 && part <= 1) return part;
    return std::unexpected(fmt::format("\"{:.80}\" is not on, off or a part of all like 0.1", text));
}

parsed<std::string> parse_log_level(std::string_view text) {
    auto level = to_lower(text);
    if (level == "warning") level = "warn";
    if (level == "critical" || level == "fatal") level = "error";
    for (const auto known : {"trace", "debug", "info", "warn", "error", "off"})
        if (level == known) return level;
    return not_one(text, "trace, debug, info, warn, error or off");
}

parsed<std::string> parse_ssl_mode(std::string_view text) {
    if (is_ssl_mode(text)) return std::string(text);
    return not_one(text, "disable, allow, prefer, require, verify-ca or verify-full");
}

parsed<std::string> parse_file_url(std::string_view text) {
    constexpr std::string_view scheme = "file://";
    if (!text.starts_with(scheme))
        return std::unexpected(fmt::format(
            "\"{:.80}\" is not understood: only file:// is, e.g. file:///var/lib/bulkhead/backups",
            text.substr(0, text.find("://"))));
    if (text.size() == scheme.size()) return std::unexpected("names no folder");
    return std::string(text.substr(scheme.size()));
}

parsed<redis_endpoint> parse_redis(std::string_view text) {
    auto endpoint = parse_redis_url(text);
    if (!endpoint) return std::unexpected(endpoint.error().detail);
    return *std::move(endpoint);
}

std::optional<std::size_t> parse_size(std::string_view text) {
    struct unit {
        std::string_view suffix;
        std::size_t bytes;
    };
    constexpr std::size_t kib = 1024;
    constexpr std::array units{unit{"", 1},
                               unit{"B", 1},
                               unit{"KB", 1000},
                               unit{"KiB", kib},
                               unit{"MB", 1'000'000},
                               unit{"MiB", kib * kib},
                               unit{"GB", 1'000'000'000},
                               unit{"GiB", kib * kib * kib}};
    std::size_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{}) return std::nullopt;
    const auto suffix = trim(text.substr(static_cast<std::size_t>(end - text.data())));
    const auto* const at =
        std::ranges::find_if(units, [&](const unit& u) { return iequals(u.suffix, suffix); });
    if (at == units.end() || value > std::numeric_limits<std::size_t>::max() / at->bytes) return std::nullopt;
    return value * at->bytes;
}

parsed<std::chrono::milliseconds> parse_duration_between(std::string_view text, std::chrono::milliseconds low,
                                                         std::chrono::milliseconds high) {
    const auto value = parse_duration(text);
    if (value && *value >= low && *value <= high) return *value;
    return std::unexpected(fmt::format("\"{:.80}\" is not a time from {} to {} (250ms, 5s, 15m, 1h, 30d)",
                                       text, format_duration(low), format_duration(high)));
}

}  // namespace bulkhead::config
