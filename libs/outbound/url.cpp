// SPDX-License-Identifier: Apache-2.0
#include "outbound/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.hpp"

namespace bulkhead::outbound {
namespace {

constexpr std::size_t longest_url = 2048;
constexpr std::size_t longest_host = 253;  // RFC 1035 section 2.3.4, without the dot of the root
constexpr std::size_t longest_label = 63;

std::unexpected<refusal> refuse(std::string_view code, std::string_view detail) {
    return std::unexpected(refusal{std::string(code), std::string(detail)});
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// RFC 3986 section 2, without '#', which would begin a fragment; brackets belong to the host only.
bool is_url_text(std::string_view text) {
    constexpr std::string_view others = "-._~:/?[]@!$&'()*+,;=%";
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (!is_digit(c) && !is_letter(c) && others.find(c) == std::string_view::npos) return false;
        if (c == '%' && (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2]))) return false;
    }
    return true;
}

bool is_label(std::string_view text) {
    const auto fits = [](char c) { return is_letter(c) || is_digit(c) || c == '-'; };
    return !text.empty() && text.size() <= longest_label && std::ranges::all_of(text, fits) &&
           text.front() != '-' && text.back() != '-';
}

/// Whether resolvers may take the name for an IPv4 address: "127.1", "0x7f.0.0.1", "2130706433" (inet_aton,
/// and the WHATWG URL standard's "ends in a number").
bool ends_in_number(std::string_view last_label) {
    if (last_label.starts_with("0x") || last_label.starts_with("0X"))
        return std::ranges::all_of(last_label.substr(2), is_hex);
    return std::ranges::all_of(last_label, is_digit);
}

std::expected<void, refusal> read_bracketed(std::string_view inside, url& out) {
    const auto bytes = parse_ip(inside);
    if (!bytes || inside.find(':') == std::string_view::npos)
        return refuse("url_host", "the host in brackets is no IPv6 address");
    out.address = ip_address{.bytes = *bytes, .ipv6 = true};
    out.host = out.address->text();
    return {};
}

std::expected<void, refusal> read_host(std::string_view host, url& out) {
    if (host.empty()) return refuse("url_host", "the URL has no host");
    if (host.size() > longest_host) return refuse("url_host", "the host is too long");
    const auto labels = split(host, '.');
    if (!std::ranges::all_of(labels, is_label))
        return refuse("url_host",
                      "the host may have letters, digits, hyphens and single dots; others as xn--");
    out.host = to_lower(host);
    if (!ends_in_number(labels.back())) return {};
    const auto bytes = parse_ip(host);
    if (!bytes) return refuse("url_host", "an IPv4 address is written as four decimal numbers");
    out.address = ip_address{.bytes = *bytes, .ipv6 = false};
    return {};
}

std::expected<void, refusal> read_port(std::string_view digits, url& out) {
    constexpr std::uint16_t http = 80, https = 443, first_unprivileged = 1024;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
    if (ec != std::errc{} || end != digits.data() + digits.size() || digits.front() == '0')
        return refuse("url_port", "the port is no number from 1 to 65535");
    if (out.port != http && out.port != https && out.port < first_unprivileged)
        return refuse("url_port", "the port must be 80, 443, or 1024 and above");
    return {};
}

std::expected<void, refusal> read_authority(std::string_view text, url& out) {
    if (text.find('@') != std::string_view::npos) return refuse("url_user", "the URL must not have a user");
    std::string_view after;  // the host: nothing, or a colon and the port
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return refuse("url_host", "a bracket of the host is missing");
        after = text.substr(close + 1);
        if (auto ok = read_bracketed(text.substr(1, close - 1), out); !ok) return ok;
        if (!after.empty() && after.front() != ':')
            return refuse("url_host", "only a port may follow the host");
    } else {
        const auto colon = std::min(text.find(':'), text.size());
        after = text.substr(colon);
        if (auto ok = read_host(text.substr(0, colon), out); !ok) return ok;
    }
    if (after.empty()) return {};
    if (after.size() == 1) return refuse("url_port", "the port is missing behind its colon");
    return read_port(after.substr(1), out);
}

}  // namespace

std::expected<url, refusal> parse_url(std::string_view text, bool plain_too) {
    if (text.size() > longest_url) return refuse("invalid_url", "the URL has more than 2048 characters");
    if (text.find('#') != std::string_view::npos)
        return refuse("invalid_url", "the URL must not have a fragment");
    if (!is_url_text(text))
        return refuse("invalid_url", "the URL has characters that must be percent-encoded");
    const auto colon = text.find("://");
    if (colon == std::string_view::npos) return refuse("invalid_url", "the URL must begin with https://");
    const auto scheme = text.substr(0, colon);
    url out;
    out.encrypted = iequals(scheme, "https");
    if (!out.encrypted && !(plain_too && iequals(scheme, "http")))
        return refuse("url_scheme", "the URL must begin with https://");
    out.port = out.encrypted ? 443 : 80;
    const auto rest = text.substr(colon + 3);
    const auto authority = rest.substr(0, rest.find_first_of("/?"));
    if (auto ok = read_authority(authority, out); !ok) return std::unexpected(std::move(ok).error());
    out.target = rest.substr(authority.size());
    if (out.target.find_first_of("[]") != std::string::npos)
        return refuse("invalid_url", "the URL has characters that must be percent-encoded");
    if (!out.target.starts_with('/')) out.target.insert(0, 1, '/');
    return out;
}

std::string url::text() const {
    const bool bracketed = address && address->ipv6;
    return fmt::format("{}://{}{}{}:{}{}", encrypted ? "https" : "http", bracketed ? "[" : "", host,
                       bracketed ? "]" : "", port, target);
}

}  // namespace bulkhead::outbound
