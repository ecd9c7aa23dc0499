// SPDX-License-Identifier: Apache-2.0
#include "config/url_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace bulkhead::config {
namespace {

std::string_view take_until(std::string_view& text, std::size_t at) {
    const auto taken = text.substr(0, at);
    text.remove_prefix(taken.size());
    return taken;
}

bool is_printable(char c) { return c > ' ' && c != '\x7f'; }

bool is_hidden(std::string_view parameter) {
    return to_lower(parameter).find("password") != std::string::npos;
}

std::string hidden(std::string_view text) { return fmt::format("***[{} chars]***", text.size()); }

}  // namespace

std::optional<url_parts> split_url(std::string_view url) {
    if (!std::ranges::all_of(url, is_printable) || url.find('#') != std::string_view::npos)
        return std::nullopt;
    const auto colon = url.find("://");
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    url_parts out;
    out.scheme = url.substr(0, colon);
    auto rest = url.substr(colon + 3);
    auto authority = take_until(rest, rest.find_first_of("/?"));
    // The last '@': passwords with a bare '@' are common, host names with one do not exist.
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
        auto credentials = authority.substr(0, at);
        authority.remove_prefix(at + 1);
        out.user = take_until(credentials, credentials.find(':'));
        if (!credentials.empty()) out.password = credentials.substr(1);
    }
    out.hosts = authority;
    out.path = take_until(rest, rest.find('?'));
    if (rest.empty()) return out;
    for (auto pair : split(rest.substr(1), '&')) {
        if (pair.empty()) continue;
        const auto name = take_until(pair, pair.find('='));
        out.query.emplace_back(name, pair.empty() ? pair : pair.substr(1));
    }
    return out;
}

std::optional<host_port> split_host_port(std::string_view text) {
    host_port out;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        out.host = text.substr(1, end - 1);
        text.remove_prefix(end + 1);
        if (out.host.find(':') == std::string_view::npos) return std::nullopt;
    } else {
        out.host = take_until(text, text.find(':'));
    }
    if (text.empty()) return out;
    out.port = text.substr(1);
    if (text.front() != ':' || out.port.empty()) return std::nullopt;
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (!std::ranges::all_of(out.port, digit)) return std::nullopt;
    return out;
}

bool is_loopback(std::string_view host) {
    if (iequals(host, "localhost") || host == "::1") return true;
    const auto octets = split(host, '.');
    const auto is_octet = [](std::string_view text) {
        return !text.empty() && text.size() <= 3 &&
               text.find_first_not_of("0123456789") == std::string_view::npos;
    };
    return octets.size() == 4 && octets.front() == "127" && std::ranges::all_of(octets, is_octet);
}

std::string mask_url(std::string_view url) {
    const auto parts = split_url(url);
    if (!parts) return hidden(url);
    std::string out = fmt::format("{}://{}", parts->scheme, parts->user);
    if (!parts->password.empty()) out += ':' + hidden(parts->password);
    if (!parts->user.empty() || !parts->password.empty()) out += '@';
    out += parts->hosts;
    out += parts->path;
    char separator = '?';
    for (const auto& [name, value] : parts->query) {
        out += fmt::format("{}{}={}", std::exchange(separator, '&'), name,
                           is_hidden(name) ? hidden(value) : std::string(value));
    }
    return out;
}

}  // namespace bulkhead::config
