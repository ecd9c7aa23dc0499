// SPDX-License-Identifier: Apache-2.0
// Described structs as lines of CSV (RFC 4180: commas, CRLF, a header line, quotes doubled), in UTF-8. Text
// is always quoted, so that an empty one differs from none. People open such files with spreadsheets, and
// those take text for formulas: what would begin one gets an apostrophe in front (OWASP, "CSV injection"). So
// CSV is for people; whoever wants the text to the letter takes NDJSON. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "base/uuid.hpp"
#include "schema/enumeration.hpp"
#include "schema/object.hpp"

namespace bulkhead::exports {

/// Quoted and harmless. A formula begins with '=', '+', '-' or '@', or the full-width form of one: at the
/// beginning of a cell, and where a program that does not go by commas and quotes alone (';' separates in
/// much of Europe) would let another one begin, behind ';', a tab or the end of a line.
void append_csv(std::string& out, std::string_view text);

void append_csv(std::string& out, std::int64_t value);
inline void append_csv(std::string& out, bool value) { out += value ? "true" : "false"; }
inline void append_csv(std::string& out, const uuid& value) { value.append_to(out); }
inline void append_csv(std::string& out, utc_time value) { append_rfc3339(out, value); }

template <schema::named_enum E>
void append_csv(std::string& out, E value) {
    out += schema::enum_name(value);
}

/// Null is an empty cell without quotes.
template <class T>
void append_csv(std::string& out, const std::optional<T>& value) {
    if (value) append_csv(out, *value);
}

template <class T, class Members>
struct csv_columns;

template <class T, template <class...> class List, class... D>
struct csv_columns<T, List<D...>> {
    static void write_head(std::string& out) {
        bool first = true;
        ((out += std::exchange(first, false) ? "" : ",", out += D::name), ...);
        out += "\r\n";
    }
    static void write_line(std::string& out, const T& row) {
        bool first = true;
        ((out += std::exchange(first, false) ? "" : ",", append_csv(out, row.*D::pointer)), ...);
        out += "\r\n";
    }
};

/// The names of T's members. They are C++ identifiers: nothing in them needs quotes.
template <schema::described T>
void append_csv_head(std::string& out) {
    csv_columns<T, schema::members_of<T>>::write_head(out);
}

template <schema::described T>
void append_csv_line(std::string& out, const T& row) {
    csv_columns<T, schema::members_of<T>>::write_line(out, row);
}

}  // namespace bulkhead::exports
