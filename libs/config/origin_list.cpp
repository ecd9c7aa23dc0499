// SPDX-License-Identifier: Apache-2.0
#include "config/origin_list.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "config/url_parts.hpp"

namespace bulkhead::config {
namespace {

constexpr std::size_t most_origins = 100;

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

/// RFC 3986 section 3.1, lower-cased already.
bool is_scheme(std::string_view text) {
    return !text.empty() && text.front() >= 'a' && text.front() <= 'z' &&
           std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '+' || c == '-' || c == '.'; });
}

bool is_label(std::string_view text) {
    constexpr std::size_t longest = 63;
    return !text.empty() && text.size() <= longest && text.front() != '-' && text.back() != '-' &&
           std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
}

/// As it stands in an origin; "" when it is no host.
std::string host_text(std::string_view host) {
    if (host.find(':') == std::string_view::npos) {
        const auto name = to_lower(host);
        return std::ranges::all_of(split(name, '.'), is_label) ? name : "";
    }
    in6_addr address{};
    std::array<char, INET6_ADDRSTRLEN> shortest{};
    if (::inet_pton(AF_INET6, std::string(host).c_str(), &address) != 1) return "";
    ::inet_ntop(AF_INET6, &address, shortest.data(), shortest.size());
    return fmt::format("[{}]", shortest.data());
}

std::unexpected<std::string> refused(std::string_view text, std::string_view why) {
    return std::unexpected(
        fmt::format("\"{:.80}\" is not an origin such as https://app.example.com: {}", text, why));
}

}  // namespace

parsed<std::string> parse_origin(std::string_view text) {
    if (text.find('*') != std::string_view::npos)
        return refused(text, "there are no patterns; name every origin");
    const auto parts = split_url(text);
    const auto scheme = parts ? to_lower(parts->scheme) : "";
    if (!parts || !is_scheme(scheme)) return refused(text, "it needs a scheme and a host");
    if (text.find('@') != std::string_view::npos) return refused(text, "it has no user");
    if (!parts->path.empty() || text.find('?') != std::string_view::npos)
        return refused(text, "nothing stands behind the host and the port, no slash either");
    const auto where = split_host_port(parts->hosts);
    const auto host = where ? host_text(where->host) : "";
    if (host.empty()) return refused(text, "the host is not a name (in punycode) or an address");
    if (where->port.empty()) return fmt::format("{}://{}", scheme, host);
    const auto port = parse_number<std::uint16_t, 1, 65535>(where->port);
    if (!port) return refused(text, "the port is not a number from 1 to 65535");
    const bool usual = (scheme == "https" && *port == 443) || (scheme == "http" && *port == 80);
    return usual ? fmt::format("{}://{}", scheme, host) : fmt::format("{}://{}:{}", scheme, host, *port);
}

parsed<std::vector<std::string>> parse_origins(std::string_view text) {
    std::vector<std::string> out;
    if (trim(text) == "*") return std::vector<std::string>{"*"};
    for (const auto piece : split(text, ',')) {
        if (trim(piece) == "*") return std::unexpected("\"*\" stands alone: it is everybody");
        auto origin = parse_origin(trim(piece));
        if (!origin) return std::unexpected(std::move(origin).error());
        if (std::ranges::find(out, *origin) == out.end()) out.push_back(*std::move(origin));
    }
    if (out.size() > most_origins)
        return std::unexpected(fmt::format("has more than {} origins", most_origins));
    return out;
}

}  // namespace bulkhead::config
