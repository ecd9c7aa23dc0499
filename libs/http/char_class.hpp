// SPDX-License-Identifier: Apache-2.0
// The character sets of RFC 9110, 9112 and 3986 in one table of 256 entries, made at compile time.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace bulkhead::http {

enum class char_class : std::uint8_t {
    token = 1,   // tchar, RFC 9110 section 5.6.2: methods, field names, list elements
    value = 2,   // field-vchar, SP and HTAB, RFC 9110 section 5.5: no other control
    target = 4,  // pchar, "/" and "?" of RFC 3986 without "%", which needs a look at what follows
    host = 8,    // reg-name of RFC 3986 without "%" and without ",", which would join two Host lines
    digit = 16,
    hex = 32,
};

namespace detail {

constexpr std::array<std::uint8_t, 256> make_char_classes() {
    std::array<std::uint8_t, 256> table{};
    const auto add = [&table](std::string_view chars, auto... classes) {
        for (char c : chars)
            ((table[static_cast<unsigned char>(c)] |= static_cast<std::uint8_t>(classes)), ...);
    };
    constexpr std::string_view digits = "0123456789";
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    using enum char_class;
    add(digits, token, target, host, digit, hex);
    add(letters, token, target, host);
    add("abcdefABCDEF", hex);
    add("!#$%&'*+-.^_`|~", token);
    add("-._~", target, host);        // unreserved
    add("!$&'()*+;=", target, host);  // sub-delims but the comma
    add(",:@/?", target);
    for (unsigned c = 0x20; c < 0x100; ++c)
        if (c != 0x7f) table[c] |= static_cast<std::uint8_t>(value);
    table['\t'] |= static_cast<std::uint8_t>(value);
    return table;
}

inline constexpr auto char_classes = make_char_classes();

}  // namespace detail

[[nodiscard]] constexpr bool is(char_class wanted, char c) noexcept {
    return (detail::char_classes[static_cast<unsigned char>(c)] & static_cast<std::uint8_t>(wanted)) != 0;
}

[[nodiscard]] constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

/// Not empty, and every character is a tchar.
[[nodiscard]] constexpr bool is_token(std::string_view text) noexcept {
    for (char c : text)
        if (!is(char_class::token, c)) return false;
    return !text.empty();
}

/// The value of a hexadecimal digit; only for characters of class hex.
[[nodiscard]] constexpr unsigned hex_value(char c) noexcept {
    return c <= '9' ? static_cast<unsigned>(c - '0') : static_cast<unsigned>((c | 0x20) - 'a' + 10);
}

}  // namespace bulkhead::http
