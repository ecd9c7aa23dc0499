// SPDX-License-Identifier: Apache-2.0
#include "features/exports/csv.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <iterator>

namespace bulkhead::exports {
namespace {

constexpr auto formula_starts = std::to_array<std::string_view>(
    {"=", "+", "-", "@", "\uFF1D", "\uFF0B", "\uFF0D", "\uFF20"});  // the latter in full width

bool begins_formula(std::string_view text) {
    return std::ranges::any_of(formula_starts, [&](auto start) { return text.starts_with(start); });
}

/// Some programs drop white space in front and look at what comes then.
bool is_space(char c) { return c == '\t' || c == '\r' || c == '\n'; }

bool may_end_cell(char c) { return c == ';' || is_space(c); }

}  // namespace

void append_csv(std::string& out, std::string_view text) {
    out += '"';
    if (!text.empty() && is_space(text.front())) out += '\'';
    bool at_start = true;  // of a cell, for whoever might see one here
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (at_start && begins_formula(text.substr(i))) out += '\'';
        if (text[i] == '"') out += '"';
        out += text[i];
        at_start = may_end_cell(text[i]);
    }
    out += '"';
}

void append_csv(std::string& out, std::int64_t value) {
    fmt::format_to(std::back_inserter(out), "{}", value);
}

}  // namespace bulkhead::exports
