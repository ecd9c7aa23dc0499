// SPDX-License-Identifier: Apache-2.0
// Plain types: bool, std::int64_t, uuid and utc_time both ways; strings without bounds only on the way out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "base/uuid.hpp"
#include "schema/binding.hpp"

namespace bulkhead::schema {

/// `true` and `false` only, in a query too.
template <>
struct binding<bool> : required_binding {
    static bool read(const json::value& in, const place& at, bool& out);
    static bool read_text(std::string_view in, const place& at, bool& out);
    static void write(std::string& out, bool value) { out += value ? "true" : "false"; }
    static json::object schema(components&, direction);
};

template <>
struct binding<std::int64_t> : required_binding {
    static bool read(const json::value& in, const place& at, std::int64_t& out);
    static bool read_text(std::string_view in, const place& at, std::int64_t& out);
    static void write(std::string& out, std::int64_t value);
    static json::object schema(components&, direction);
};

/// The canonical form of RFC 9562.
template <>
struct binding<uuid> : required_binding {
    static bool read(const json::value& in, const place& at, uuid& out);
    static bool read_text(std::string_view in, const place& at, uuid& out);
    static void write(std::string& out, const uuid& value);
    static json::object schema(components&, direction);
};

/// RFC 3339 with any offset; written in UTC with milliseconds.
template <>
struct binding<utc_time> : required_binding {
    static bool read(const json::value& in, const place& at, utc_time& out);
    static bool read_text(std::string_view in, const place& at, utc_time& out);
    static void write(std::string& out, utc_time value);
    static json::object schema(components&, direction);
};

template <>
struct binding<std::string_view> : required_binding {
    static void write(std::string& out, std::string_view value) { append_json_string(out, value); }
    static json::object schema(components&, direction);
};

template <>
struct binding<std::string> : binding<std::string_view> {};

}  // namespace bulkhead::schema
