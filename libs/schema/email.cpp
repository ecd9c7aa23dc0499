// SPDX-License-Identifier: Apache-2.0
#include "schema/email.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace bulkhead::schema {
namespace {

constexpr std::size_t max_address = 254;
constexpr std::size_t max_local = 64;
constexpr std::size_t max_label = 63;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alphanumeric(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_atom_char(char c) {
    return is_alphanumeric(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool is_atom(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_atom_char); }

bool is_label(std::string_view text) {
    return !text.empty() && text.size() <= max_label && text.front() != '-' && text.back() != '-' &&
           std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool is_domain(std::string_view text) {
    const auto labels = split(text, '.');
    // A numeric top level would make an IPv4 address a domain (RFC 3696 section 2).
    return labels.size() >= 2 && std::ranges::all_of(labels, is_label) &&
           !std::ranges::all_of(labels.back(), is_digit);
}

}  // namespace

std::optional<email> email::parse(std::string_view text) {
    const auto at = text.find('@');
    if (text.size() > max_address || at == std::string_view::npos || at > max_local) return std::nullopt;
    if (!std::ranges::all_of(split(text.substr(0, at), '.'), is_atom) || !is_domain(text.substr(at + 1)))
        return std::nullopt;
    email out;
    out.value_ = to_lower(text);
    return out;
}

json::object email::describe() {
    return {{"type", "string"},
            {"format", "email"},
            {"maxLength", max_address},
            {"examples", {"ada@example.com"}}};
}

}  // namespace bulkhead::schema
