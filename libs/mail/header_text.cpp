// SPDX-License-Identifier: Apache-2.0
#include "mail/header_text.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "base/text.hpp"

namespace bulkhead::mail {
namespace {

constexpr std::size_t line_length = 78;       // RFC 5322 section 2.1.1: should not be longer
constexpr std::string_view fold = "\r\n ";    // a line that begins with a blank continues the one before
constexpr std::size_t word_line_length = 76;  // RFC 2047 section 2: a line with encoded words
constexpr std::string_view word_begin = "=?utf-8?B?", word_end = "?=";
constexpr std::size_t longest_plain_word = 60;  // a longer one leaves no place to fold

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool continues_a_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Words of base64 that are UTF-8 each (RFC 2047 section 5: no character is split), one a line; `used`
/// characters stand on the first line.
std::string encoded_words(std::string_view text, std::size_t used) {
    std::string out;
    while (!text.empty()) {
        const auto room = word_line_length - used - word_begin.size() - word_end.size();
        std::size_t length = std::min(text.size(), room / 4 * 3);
        while (length < text.size() && continues_a_character(text[length])) --length;
        if (!out.empty()) out += fold;
        out.append(word_begin).append(to_base64(text.substr(0, length))).append(word_end);
        text.remove_prefix(length);
        used = 1;  // the blank of the fold
    }
    return out;
}

/// Whether ASCII stands for itself: it can be folded, none of it looks like an encoded word, and no blanks at
/// its ends or in a row get lost.
bool stands_for_itself(std::string_view text) {
    if (!is_ascii(text) || text.find("=?") != std::string_view::npos) return false;
    return std::ranges::all_of(split(text, ' '), [](std::string_view word) {
        return !word.empty() && word.size() <= longest_plain_word;
    });
}

/// Appends words, each on the line of the one before as long as there is room.
void append_folded(std::string& out, std::string_view text) {
    std::size_t used = out.size();
    for (const auto word : split(text, ' ')) {
        const bool fits = used + 1 + word.size() <= line_length;
        out += fits ? " " : fold;
        out += word;
        used = (fits ? used : 0) + 1 + word.size();
    }
}

bool is_atom_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ' ||
           std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

/// Of a name that stands for itself: atoms or a quoted string.
std::string phrase(std::string_view name) {
    if (std::ranges::all_of(name, is_atom_char)) return std::string(name);
    std::string out = "\"";
    for (const char c : name) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

}  // namespace

bool is_one_line(std::string_view text) noexcept {
    if (!is_utf8(text)) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c < 0x20 || c == 0x7F) return false;
        if (c == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0) return false;  // U+0080 to U+009F
        if (text.substr(i, 3) == "\u2028" || text.substr(i, 3) == "\u2029") return false;
    }
    return true;
}

std::string text_header(std::string_view name, std::string_view text) {
    std::string out = std::string(name) + ':';
    if (stands_for_itself(text))
        append_folded(out, text);
    else
        out += ' ' + encoded_words(text, out.size() + 1);
    return out;
}

std::string address_header(std::string_view name, std::string_view display_name, std::string_view address) {
    std::string out = std::string(name) + ':';
    if (display_name.empty()) return out + ' ' + std::string(address);
    if (stands_for_itself(display_name))
        append_folded(out, phrase(display_name));
    else
        out += ' ' + encoded_words(display_name, out.size() + 1);
    out += fold;
    return out + '<' + std::string(address) + '>';
}

std::string header_date(utc_time time) {
    auto out = to_http_date(time);
    out.replace(out.size() - 3, 3, "+0000");  // GMT is an obsolete zone in mails (RFC 5322 section 4.3)
    return out;
}

}  // namespace bulkhead::mail
