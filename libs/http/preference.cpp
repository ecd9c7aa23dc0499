// SPDX-License-Identifier: Apache-2.0
#include "http/preference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/text.hpp"

namespace bulkhead::http {
namespace {

/// Splits where `separator` stands outside of a quoted string.
std::vector<std::string_view> split_unquoted(std::string_view text, char separator) {
    std::vector<std::string_view> out;
    bool quoted = false;
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '"') quoted = !quoted;
        if (quoted && text[at] == '\\')
            ++at;  // whatever is escaped
        else if (!quoted && text[at] == separator) {
            out.push_back(text.substr(begin, at - begin));
            begin = at + 1;
        }
    }
    out.push_back(text.substr(begin));
    return out;
}

/// A token as it is, a quoted string without its quotes (RFC 9110 section 5.6.4).
std::string unquoted(std::string_view text) {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
    std::string out;
    const auto inner = text.substr(1, text.size() - 2);
    for (std::size_t at = 0; at < inner.size(); ++at) {
        if (inner[at] == '\\' && at + 1 < inner.size()) ++at;
        out += inner[at];
    }
    return out;
}

std::optional<std::chrono::seconds> parse_delta_seconds(std::string_view text) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
    std::int64_t seconds = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (ec != std::errc{}) return longest_wait;  // digits, but too many of them
    return std::min(std::chrono::seconds(seconds), longest_wait);
}

}  // namespace

std::optional<std::string> find_preference(const request_head& head, std::string_view name) {
    for (const auto& line : head.headers()) {
        if (!iequals(line.name, "Prefer")) continue;
        for (const auto one : split_unquoted(line.value, ',')) {
            const auto preference = split_unquoted(one, ';').front();
            const auto equals = preference.find('=');
            if (!iequals(trim(preference.substr(0, equals)), name)) continue;
            return equals == preference.npos ? "" : unquoted(trim(preference.substr(equals + 1)));
        }
    }
    return std::nullopt;
}

result<wait_preference> argument<wait_preference>::from(exchange& x) {
    const auto wait = find_preference(x.head(), "wait");
    return wait_preference{wait ? parse_delta_seconds(*wait) : std::nullopt};
}

void argument<wait_preference>::document(operation& op) {
    op.header_parameter(
        "Prefer",
        "wait=N (RFC 7240): answer with the result if it is there within N seconds, at most 30; "
        "without it the work is begun and the answer comes at once");
}

void add_preference_applied(response& out, const wait_preference& asked) {
    if (asked.granted) out.header("Preference-Applied", fmt::format("wait={}", asked.granted->count()));
}

}  // namespace bulkhead::http
