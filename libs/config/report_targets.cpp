// SPDX-License-Identifier: Apache-2.0
#include "config/report_targets.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "config/parsers.hpp"
#include "config/url_parts.hpp"

namespace bulkhead::config {
namespace {

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name_char(char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; }

bool is_path_char(char c) { return is_name_char(c) || c == '/' || c == '~' || c == '%'; }

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, is_name_char);
}

/// What http:// and https:// URLs have in common; `parts` holds views into the text.
parsed<report_target> begin_target(const url_parts& parts) {
    const auto scheme = to_lower(parts.scheme);
    if (scheme != "https" && scheme != "http") return std::unexpected("must start with https:// or http://");
    const auto where = split_host_port(parts.hosts);
    const auto of_host = [](char c) { return is_name_char(c) || c == ':'; };
    if (!where || where->host.empty() || !std::ranges::all_of(where->host, of_host))
        return std::unexpected("needs one host, and a port unless it is the usual one");
    if (!where->port.empty() && !parse_number<std::uint16_t, 1, 65535>(where->port))
        return std::unexpected("the port must be 1 to 65535");
    if (!parts.query.empty() || !std::ranges::all_of(parts.path, is_path_char))
        return std::unexpected("must end with its path: no query, no unusual characters");
    return report_target{.url = scheme + "://" + std::string(parts.hosts),
                         .encrypted = scheme == "https",
                         .near = is_loopback(where->host)};
}

std::string_view without_slash(std::string_view path) {
    while (path.ends_with('/')) path.remove_suffix(1);
    return path;
}

}  // namespace

parsed<sentry_target> parse_sentry_dsn(std::string_view text) {
    const auto parts = split_url(text);
    if (!parts) return std::unexpected("not a DSN: https://key@host/project");
    auto target = begin_target(*parts);
    if (!target) return std::unexpected(std::move(target).error());
    if (!is_name(parts->user)) return std::unexpected("needs a key: https://key@host/project");
    const auto path = without_slash(parts->path);
    const auto slash = path.rfind('/');
    const auto project = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (!is_name(project)) return std::unexpected("needs a project: https://key@host/project");
    target->url += std::string(path.substr(0, slash)) + "/api/" + std::string(project) + "/envelope/";
    return sentry_target{*std::move(target), secret(std::string(parts->user))};
}

parsed<report_target> parse_otlp_endpoint(std::string_view text) {
    const auto parts = split_url(text);
    if (!parts) return std::unexpected("not a URL: http://collector:4318");
    if (!parts->user.empty() || !parts->password.empty())
        return std::unexpected("credentials belong into OTEL_EXPORTER_OTLP_HEADERS");
    auto target = begin_target(*parts);
    if (target) target->url += std::string(without_slash(parts->path)) + "/v1/traces";
    return target;
}

parsed<report_headers> parse_otlp_headers(std::string_view text) {
    report_headers out;
    for (const auto piece : split(text, ',')) {
        const auto pair = trim(piece);
        if (pair.empty()) continue;
        const auto equals = pair.find('=');
        const auto name = trim(pair.substr(0, equals));
        const auto value = equals == std::string_view::npos
                               ? std::nullopt
                               : percent_decode(trim(pair.substr(equals + 1)), false);
        const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
        if (!is_name(name) || !value || !std::ranges::all_of(*value, printable))
            return std::unexpected("must be name=value, several with commas, values percent-encoded");
        out.emplace_back(std::string(name), secret(*value));
    }
    return out;
}

parsed<double> parse_ratio(std::string_view text) {
    double value = -1;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size() || !(value >= 0 && value <= 1))
        return std::unexpected(fmt::format("\"{:.80}\" is not a number from 0 to 1", text));
    return value;
}

}  // namespace bulkhead::config
