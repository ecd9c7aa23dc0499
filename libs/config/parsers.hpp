// SPDX-License-Identifier: Apache-2.0
// The types of settings: each parser turns the text of one setting into a value or a sentence that says what
// is wrong with it. Pure functions; sentences never repeat a secret.
#pragma once

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"
#include "config/settings.hpp"

namespace bulkhead::config {

/// A value, or the problem as it stands after "NAME: ".
template <class T>
using parsed = std::expected<T, std::string>;

/// true/false, yes/no, on/off, 1/0.
parsed<bool> parse_bool(std::string_view text);

parsed<environment> parse_environment(std::string_view text);

/// An IPv4 or IPv6 address; "localhost" is 127.0.0.1.
parsed<std::string> parse_address(std::string_view text);

/// host:port or [IPv6]:port.
parsed<server_address> parse_server(std::string_view text);

/// Comma list of networks in CIDR notation and single addresses.
parsed<std::vector<ip_network>> parse_networks(std::string_view text);

/// Comma list of count/time ("60/1m,1000/1h"), or off, which is none.
parsed<std::vector<rate_window>> parse_rates(std::string_view text);

/// Comma list of lane=number ("critical=4,default=16,bulk=4"), in the order of the lanes; lanes that are not
/// named have these numbers.
parsed<std::array<unsigned, 3>> parse_concurrency(std::string_view text);

/// Anything that is not empty.
parsed<std::string> parse_text(std::string_view text);

/// A tenant's slug: [a-z][a-z0-9-]{1,38}.
parsed<std::string> parse_slug(std::string_view text);

/// A DNS name (RFC 1123 section 2.1), lower-cased; a leading dot is dropped.
parsed<std::string> parse_domain(std::string_view text);

/// bcrypt:4 to bcrypt:15; the cost.
parsed<unsigned> parse_password_hash(std::string_view text);

/// 32 bytes in base64, decoded.
parsed<secret> parse_key(std::string_view text);

/// json or pretty; whether it is json.
parsed<bool> parse_log_format(std::string_view text);

/// on, off, or a part of all: 0 to 1.
parsed<double> parse_part(std::string_view text);

/// A level of bulkhead::log; other stacks' spellings ("WARNING", "critical") are understood.
parsed<std::string> parse_log_level(std::string_view text);

/// One of libpq's words.
parsed<std::string> parse_ssl_mode(std::string_view text);

/// file://folder, relative to where the program runs, or file:///folder; the folder.
parsed<std::string> parse_file_url(std::string_view text);

parsed<redis_endpoint> parse_redis(std::string_view text);

/// "512", "500KB" (1000), "1MiB" (1024 squared); bytes. nullopt for all else and when it overflows.
std::optional<std::size_t> parse_size(std::string_view text);

/// A whole number within bounds.
template <std::unsigned_integral T, T Low, T High>
parsed<T> parse_number(std::string_view text) {
    T value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size() || value < Low || value > High)
        return std::unexpected(
            fmt::format("\"{:.80}\" is not a whole number from {} to {}", text, Low, High));
    return value;
}

/// At least this many bytes; 0: any.
template <std::size_t Least>
parsed<secret> parse_secret(std::string_view text) {
    if (text.size() >= Least) return secret(std::string(text));
    return std::unexpected(
        fmt::format("has {} bytes, needs at least {}: e.g. openssl rand -base64 32", text.size(), Least));
}

parsed<std::chrono::milliseconds> parse_duration_between(std::string_view text, std::chrono::milliseconds low,
                                                         std::chrono::milliseconds high);

/// A duration within bounds, given in milliseconds.
template <std::int64_t Low, std::int64_t High>
parsed<std::chrono::milliseconds> parse_time(std::string_view text) {
    return parse_duration_between(text, std::chrono::milliseconds(Low), std::chrono::milliseconds(High));
}

/// A size within bounds, given in bytes.
template <std::size_t Low, std::size_t High>
parsed<std::size_t> parse_bytes(std::string_view text) {
    const auto size = parse_size(text);
    if (size && *size >= Low && *size <= High) return *size;
    return std::unexpected(
        fmt::format("\"{:.80}\" is not a size from {} to {} bytes (1MiB, 500KB, 65536)", text, Low, High));
}

}  // namespace bulkhead::config
