// SPDX-License-Identifier: Apache-2.0
#include "mail/template_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/text.hpp"
#include "mail/header_text.hpp"

namespace bulkhead::mail {
namespace {

constexpr std::string_view opening = "{{", closing = "}}";
constexpr std::size_t longest_plain_name = 64;  // code points

const place& find(std::span<const place> values, std::string_view name) {
    const auto found = std::ranges::find(values, name, &place::name);
    if (found == values.end())
        throw std::logic_error(fmt::format("a mail template has no value for \"{}\"", name));
    return *found;
}

std::string html_escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default: out += c;
        }
    }
    return out;
}

}  // namespace

std::string escape(std::string_view value, markup kind) {
    if (kind == markup::ready) return std::string(value);
    auto line = on_one_line(value);
    return kind == markup::html ? html_escape(line) : line;
}

std::string fill(std::string_view pattern, std::span<const place> values, markup kind) {
    std::string out;
    while (true) {
        const auto begin = pattern.find(opening);
        out += pattern.substr(0, begin);
        if (begin == std::string_view::npos) return out;
        pattern.remove_prefix(begin + opening.size());
        const auto end = pattern.find(closing);
        if (end == std::string_view::npos) throw std::logic_error("a mail template has a {{ without }}");
        out += escape(find(values, pattern.substr(0, end)).value, kind);
        pattern.remove_prefix(end + closing.size());
    }
}

std::string on_one_line(std::string_view text) {
    std::string out;
    if (!is_utf8(text)) return out;
    for (std::size_t i = 0; i < text.size();) {
        std::size_t length = 1;
        while (i + length < text.size() && (static_cast<unsigned char>(text[i + length]) & 0xC0) == 0x80)
            ++length;
        const auto character = text.substr(i, length);
        i += length;
        if (character != " " && is_one_line(character))
            out += character;
        else if (!out.empty() && out.back() != ' ')
            out += ' ';
    }
    return std::string(trim(out));
}

std::string without_addresses(std::string_view text) {
    constexpr std::string_view around = " \t<>()[]\"',;:";
    std::string out;
    while (!text.empty()) {
        const auto word = text.substr(0, text.find_first_of(around));
        out += word.find('@') == std::string_view::npos ? word : "***";
        text.remove_prefix(word.size());
        const auto gap = text.substr(0, text.find_first_not_of(around));
        out += gap;
        text.remove_prefix(gap.size());
    }
    return out;
}

std::string plain_name(std::string_view name, std::string_view otherwise) {
    auto line = on_one_line(name);
    const auto joins_words = [&line](std::size_t dot) {  // "J. R. Doe" does not, "example.com" does
        return dot + 1 < line.size() && line[dot + 1] != ' ';
    };
    bool linked = line.find_first_of(":/\\@<>[]()") != std::string::npos;
    for (auto dot = line.find('.'); dot != std::string::npos; dot = line.find('.', dot + 1))
        linked = linked || joins_words(dot);
    if (line.empty() || linked || count_code_points(line) > longest_plain_name) return std::string(otherwise);
    return line;
}

}  // namespace bulkhead::mail
