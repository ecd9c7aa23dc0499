// SPDX-License-Identifier: Apache-2.0
#include "config/mail_settings.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"
#include "config/parsers.hpp"
#include "config/url_parts.hpp"
#include "schema/email.hpp"

namespace bulkhead::config {
namespace {

constexpr std::uint16_t relay_port = 25, submission_port = 587, tls_port = 465;
constexpr std::size_t longest_name = 100, longest_app_name = 64, longest_app_url = 400;

bool has_controls(std::string_view text) {
    return std::ranges::any_of(text,
                               [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

std::optional<std::string> decode(std::string_view text) {
    auto decoded = percent_decode(text, false);
    if (decoded && has_controls(*decoded)) return std::nullopt;
    return decoded;
}

bool is_host_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == ':';
}

parsed<void> set_credentials(smtp_endpoint& out, const url_parts& parts) {
    auto user = decode(parts.user);
    auto password = decode(parts.password);
    if (!user || !password) return std::unexpected("user or password has a broken %-escape");
    out.user = *std::move(user);
    out.password = secret(*std::move(password));
    if (out.user.empty() != out.password.empty())
        return std::unexpected("a user and a password belong together: user:password@");
    return {};
}

parsed<void> set_host(smtp_endpoint& out, const url_parts& parts) {
    const auto where = split_host_port(parts.hosts);
    if (!where || where->host.empty() || !std::ranges::all_of(where->host, is_host_char))
        return std::unexpected("needs one host: smtp://host:587");
    out.host = where->host;
    if (where->port.empty()) {
        out.port = out.tls == smtp_tls::from_start ? tls_port
                   : out.user.empty()              ? relay_port
                                                   : submission_port;
        return {};
    }
    const auto port = parse_number<std::uint16_t, 1, 65535>(where->port);
    if (!port) return std::unexpected("the port must be 1 to 65535");
    out.port = *port;
    return {};
}

parsed<void> set_tls(smtp_endpoint& out, const url_parts& parts) {
    const bool near = is_loopback(out.host), login = !out.user.empty();
    if (out.tls == smtp_tls::from_start) {
        if (!parts.query.empty()) return std::unexpected("smtps:// takes no parameters");
        return {};
    }
    out.tls = near ? smtp_tls::off : login ? smtp_tls::required : smtp_tls::if_offered;
    if (parts.query.empty()) return {};
    const auto& [name, value] = parts.query.front();
    if (parts.query.size() > 1 || name != "tls" || (value != "off" && value != "required"))
        return std::unexpected("the only parameters known are tls=off and tls=required");
    out.tls = value == "off" ? smtp_tls::off : smtp_tls::required;
    if (out.tls == smtp_tls::off && login && !near)
        return std::unexpected("a password is not sent to another host without TLS: drop tls=off");
    return {};
}

}  // namespace

parsed<smtp_endpoint> parse_smtp_url(std::string_view url) {
    const auto parts = split_url(url);
    if (!parts)
        return std::unexpected("not a URL: smtp://user:password@host:587 or smtps://user:password@host:465");
    const auto scheme = to_lower(parts->scheme);
    if (scheme != "smtp" && scheme != "smtps") return std::unexpected("must start with smtp:// or smtps://");
    if (!parts->path.empty() && parts->path != "/") return std::unexpected("takes no path");
    smtp_endpoint out;
    if (scheme == "smtps") out.tls = smtp_tls::from_start;
    for (auto* const set : {&set_credentials, &set_host, &set_tls})
        if (auto ok = set(out, *parts); !ok) return std::unexpected(std::move(ok).error());
    return out;
}

parsed<mail_sender> parse_mail_sender(std::string_view text) {
    constexpr auto wrong = "must be Name <address> or an address, like Example <no-reply@example.com>";
    auto name = std::string_view();
    auto address = trim(text);
    if (const auto open = address.find('<'); open != std::string_view::npos) {
        if (!address.ends_with('>')) return std::unexpected(wrong);
        name = trim(address.substr(0, open));
        address = address.substr(open + 1, address.size() - open - 2);
    }
    if (name.size() >= 2 && name.starts_with('"') && name.ends_with('"'))
        name = name.substr(1, name.size() - 2);
    const auto checked = schema::email::parse(address);
    if (!checked || !is_utf8(name) || has_controls(name)) return std::unexpected(wrong);
    if (name.size() > longest_name) return std::unexpected("has a name of more than 100 bytes");
    return mail_sender{std::string(name), checked->str()};
}

parsed<std::string> parse_app_url(std::string_view text) {
    const auto parts = split_url(text);
    const auto scheme = parts ? to_lower(parts->scheme) : "";
    if (scheme != "https" && scheme != "http")
        return std::unexpected("must be a URL such as https://app.example.com");
    if (text.find_first_of("@?") != text.npos) return std::unexpected("takes no user and no parameters");
    const auto where = split_host_port(parts->hosts);
    if (!where || where->host.empty() || !std::ranges::all_of(where->host, is_host_char) ||
        !(where->port.empty() || parse_number<std::uint16_t, 1, 65535>(where->port)))
        return std::unexpected("needs one host, and a port unless it is the usual one");
    const auto in_path = [](char c) { return (is_host_char(c) && c != ':') || c == '/' || c == '~'; };
    auto path = parts->path;
    while (path.ends_with('/')) path.remove_suffix(1);
    if (text.size() > longest_app_url || !std::ranges::all_of(path, in_path))
        return std::unexpected("has a path that is long or has unusual characters");
    return scheme + "://" + std::string(parts->hosts) + std::string(path);
}

parsed<std::string> parse_app_name(std::string_view text) {
    const auto name = trim(text);
    if (name.empty() || name.size() > longest_app_name || !is_utf8(name) || has_controls(name))
        return std::unexpected("must be a name of up to 64 bytes");
    return std::string(name);
}

}  // namespace bulkhead::config
