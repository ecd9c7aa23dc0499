// SPDX-License-Identifier: Apache-2.0
#include "observability/line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/json.hpp"
#include "base/text.hpp"

namespace bulkhead::log {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD
constexpr std::string_view cut_mark = "...[cut]";

/// Length of the well-formed UTF-8 sequence at the start of `text`; 0: there is none.
std::size_t sequence_length(std::string_view text) {
    for (std::size_t length = 1; length <= std::min<std::size_t>(4, text.size()); ++length)
        if (is_utf8(text.substr(0, length))) return length;
    return 0;
}

std::string repaired(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 16);
    while (!text.empty()) {
        const auto length = sequence_length(text);
        if (length == 0)
            out += replacement;
        else
            out += text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

/// Calls `use` with `text` made valid and bounded; without a copy when it already is.
template <class Use>
void with_clean_text(std::string_view text, Use use) {
    const bool cut = text.size() > max_text_bytes;
    if (!cut && is_utf8(text)) return use(text);
    auto clean = repaired(text.substr(0, max_text_bytes));
    if (cut) clean += cut_mark;
    use(std::string_view(clean));
}

void append_json_text(std::string& out, std::string_view text) {
    with_clean_text(text, [&out](std::string_view clean) { append_json_string(out, clean); });
}

struct value_writer {
    std::string& out;
    void operator()(std::string_view text) const { append_json_text(out, text); }
    void operator()(bool flag) const { out += flag ? "true" : "false"; }
    void operator()(const secret* hidden) const { append_json_text(out, hidden->redacted()); }
    void operator()(double number) const {
        if (std::isfinite(number))
            fmt::format_to(std::back_inserter(out), "{}", number);
        else
            out += "null";
    }
    void operator()(std::int64_t number) const { fmt::format_to(std::back_inserter(out), "{}", number); }
    void operator()(std::uint64_t number) const { fmt::format_to(std::back_inserter(out), "{}", number); }
};

/// C0 and C1 control characters and DEL: what a terminal would act upon. `text` is valid UTF-8.
std::size_t control_length(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    if (first < 0x20 || first == 0x7f) return 1;
    return first == 0xc2 && text.size() > 1 && static_cast<unsigned char>(text[1]) < 0xa0 ? 2 : 0;
}

void append_visible(std::string& out, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto length = control_length(text.substr(i));
        if (length == 0) {
            out += text[i];
        } else if (text[i] == '\n') {
            out += "\\n";
        } else {
            i += length - 1;
            fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(text[i]));
        }
    }
}

/// Where the JSON string that starts at text[0] ends, its quotes included.
std::size_t quoted_length(std::string_view text) {
    std::size_t i = 1;
    while (text[i] != '"') i += text[i] == '\\' ? 2 : 1;
    return i + 1;
}

/// A quoted JSON string without its quotes when it is plain enough to be told apart without them.
std::string_view unquoted_if_plain(std::string_view quoted) {
    const auto inner = quoted.substr(1, quoted.size() - 2);
    return inner.empty() || inner.find_first_of(" =\\") != std::string_view::npos ? quoted : inner;
}

/// Turns ,"key":value,... as append_field wrote it into "  key=value key=value".
void append_pretty_fields(std::string& out, std::string_view members) {
    std::string_view gap = "  ";
    while (!members.empty()) {
        members.remove_prefix(1);  // the comma
        const auto key = members.substr(0, quoted_length(members));
        members.remove_prefix(key.size() + 1);  // and the colon
        const bool text = members.front() == '"';
        const auto value = members.substr(0, text ? quoted_length(members) : members.find(','));
        members.remove_prefix(value.size());
        out += gap;
        append_visible(out, unquoted_if_plain(key));
        out += '=';
        append_visible(out, text ? unquoted_if_plain(value) : value);
        gap = " ";
    }
}

}  // namespace

void append_field(std::string& out, const field& value) {
    out += ',';
    append_json_text(out, value.key);
    out += ':';
    std::visit(value_writer{out}, value.value);
}

void append_json_line(std::string& out, utc_time time, level severity, std::string_view message,
                      std::string_view bound, fields more) {
    out += R"({"time":")";
    append_rfc3339(out, time);
    out += R"(","level":")";
    out += level_name(severity);
    out += R"(","message":)";
    append_json_text(out, message);
    out += bound;
    for (const auto& one : more) append_field(out, one);
    out += '}';
}

void append_pretty_line(std::string& out, utc_time time, level severity, std::string_view message,
                        std::string_view bound, fields more) {
    constexpr std::size_t clock_at = 11;
    constexpr std::size_t clock_width = 12;
    out += std::string_view(to_rfc3339(time)).substr(clock_at, clock_width);
    auto name = std::string(level_name(severity));
    std::ranges::transform(name, name.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
    fmt::format_to(std::back_inserter(out), " {:<{}} ", name, pretty_level_width);
    with_clean_text(message, [&out](std::string_view clean) { append_visible(out, clean); });
    std::string members(bound);
    for (const auto& one : more) append_field(members, one);
    append_pretty_fields(out, members);
}

}  // namespace bulkhead::log
