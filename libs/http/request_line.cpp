// SPDX-License-Identifier: Apache-2.0
#include "http/request_line.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "http/char_class.hpp"

namespace bulkhead::http {
namespace {

verb to_verb(std::string_view text) noexcept {
    constexpr std::array<std::pair<std::string_view, verb>, 7> known{{
        {"GET", verb::get},
        {"POST", verb::post},
        {"PUT", verb::put},
        {"PATCH", verb::patch},
        {"DELETE", verb::delete_},
        {"HEAD", verb::head},
        {"OPTIONS", verb::options},
    }};
    for (const auto& [name, value] : known)
        if (text == name) return value;
    return verb::unknown;
}

/// Every character is of `allowed` or belongs to a well-formed escape.
bool is_percent_encoded(std::string_view text, char_class allowed) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is(allowed, text[i])) continue;
        if (text[i] != '%' || text.size() - i < 3) return false;
        if (!is(char_class::hex, text[i + 1]) || !is(char_class::hex, text[i + 2])) return false;
        i += 2;
    }
    return true;
}

bool is_port(std::string_view text) noexcept {
    if (text.empty() || text.size() > 5) return false;
    unsigned port = 0;
    for (char c : text) {
        if (!is(char_class::digit, c)) return false;
        port = port * 10 + static_cast<unsigned>(c - '0');
    }
    return port <= 65535;
}

bool is_ipv6(std::string_view text) noexcept {
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) return false;
    std::ranges::copy(text, terminated.begin());
    in6_addr address{};
    return inet_pton(AF_INET6, terminated.data(), &address) == 1;
}

// RFC 9112 section 2.3: the name in capitals, one digit, a dot, one digit.
checked parse_version(std::string_view text, request_head& out) {
    constexpr std::string_view name = "HTTP/";
    const auto numbers = text.substr(std::min(name.size(), text.size()));
    if (!text.starts_with(name) || numbers.size() != 3 || numbers[1] != '.' ||
        !is(char_class::digit, numbers[0]) || !is(char_class::digit, numbers[2]))
        return malformed("invalid HTTP version");
    if (numbers[0] != '1') return refuse(errc::version_not_supported, "only HTTP/1.1 is spoken here");
    out.version_minor = numbers[2] == '0' ? 0 : 1;
    return {};
}

checked parse_path_and_query(std::string_view text, request_head& out) {
    if (!is_percent_encoded(text, char_class::target))
        return malformed("invalid character in the request target");
    const auto mark = text.find('?');
    out.path = text.substr(0, mark);
    if (mark != std::string_view::npos) out.query = text.substr(mark + 1);
    return {};
}

// RFC 9112 section 3.2.2: a server must accept it, even though only proxies should get it.
checked parse_absolute_form(std::string_view target, request_head& out) {
    constexpr std::string_view http = "http://", https = "https://";
    const auto skip = iequals(target.substr(0, http.size()), http)     ? http.size()
                      : iequals(target.substr(0, https.size()), https) ? https.size()
                                                                       : 0;
    if (skip == 0) return malformed("the request target is not a path or an http URL");
    const auto rest = target.substr(skip);
    const auto end = std::min(rest.find_first_of("/?"), rest.size());
    if (!is_authority(rest.substr(0, end))) return malformed("invalid authority in the request target");
    out.host = rest.substr(0, end);
    if (auto done = parse_path_and_query(rest.substr(end), out); !done) return done;
    if (out.path.empty()) out.path = target.substr(skip - 1, 1);  // the "/" of "://": an empty path means "/"
    return {};
}

checked parse_target(std::string_view target, request_head& out) {
    out.target = target;
    if (target.starts_with('/')) return parse_path_and_query(target, out);
    if (target != "*") return parse_absolute_form(target, out);
    if (out.method != verb::options) return malformed("only OPTIONS may ask for *");
    out.asterisk = true;
    out.path = target;
    return {};
}

}  // namespace

bool is_authority(std::string_view text) noexcept {
    std::size_t host_end = 0;
    if (text.starts_with('[')) {
        host_end = text.find(']');
        if (host_end == std::string_view::npos || !is_ipv6(text.substr(1, host_end - 1))) return false;
        ++host_end;
    } else {
        host_end = std::min(text.find(':'), text.size());
        if (host_end == 0 || !is_percent_encoded(text.substr(0, host_end), char_class::host)) return false;
    }
    const auto rest = text.substr(host_end);
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
}

checked parse_request_line(std::string_view line, request_head& out) {
    const auto method_end = line.find(' ');
    out.method_text = line.substr(0, method_end);
    if (method_end == std::string_view::npos || !is_token(out.method_text))
        return malformed("invalid method");
    const auto rest = line.substr(method_end + 1);
    const auto target_end = rest.find(' ');
    if (target_end == std::string_view::npos) return malformed("the request line has no HTTP version");

    if (auto done = parse_version(rest.substr(target_end + 1), out); !done) return done;

    // Known methods come before the target: that of CONNECT has a form of its own.
    out.method = to_verb(out.method_text);
    if (out.method == verb::unknown) return refuse(errc::not_implemented, "this method is not implemented");
    return parse_target(rest.substr(0, target_end), out);
}

}  // namespace bulkhead::http
