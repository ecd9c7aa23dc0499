// SPDX-License-Identifier: Apache-2.0
#include "schema/scalars.hpp"

#include <limits>
#include <optional>

#include "schema/integer.hpp"

namespace bulkhead::schema {
namespace {

constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
constexpr auto highest = std::numeric_limits<std::int64_t>::max();

template <class T>
bool accept(const std::optional<T>& value, std::string_view rule, const place& at, T& out) {
    if (!value) return at.refuse("invalid_format", std::string(rule));
    out = *value;
    return true;
}

}  // namespace

bool binding<bool>::read(const json::value& in, const place& at, bool& out) {
    const auto* value = in.if_bool();
    if (value == nullptr) return at.refuse("wrong_type", "must be true or false");
    out = *value;
    return true;
}

bool binding<bool>::read_text(std::string_view in, const place& at, bool& out) {
    if (in != "true" && in != "false") return at.refuse("wrong_type", "must be true or false");
    out = in == "true";
    return true;
}

json::object binding<bool>::schema(components&, direction) { return {{"type", "boolean"}}; }

bool binding<std::int64_t>::read(const json::value& in, const place& at, std::int64_t& out) {
    return read_integer(in, at, lowest, highest, out);
}

bool binding<std::int64_t>::read_text(std::string_view in, const place& at, std::int64_t& out) {
    return read_integer(in, at, lowest, highest, out);
}

void binding<std::int64_t>::write(std::string& out, std::int64_t value) { append_integer(out, value); }

json::object binding<std::int64_t>::schema(components&, direction) {
    return {{"type", "integer"}, {"format", "int64"}};
}

bool binding<uuid>::read(const json::value& in, const place& at, uuid& out) {
    const auto* text = expect_string(in, at);
    return text != nullptr && read_text(std::string_view(*text), at, out);
}

bool binding<uuid>::read_text(std::string_view in, const place& at, uuid& out) {
    return accept(uuid::parse(in), "must be a UUID, like 01890a5d-ac96-774b-bcce-b302099a8057", at, out);
}

void binding<uuid>::write(std::string& out, const uuid& value) {
    out += '"';
    value.append_to(out);
    out += '"';
}

json::object binding<uuid>::schema(components&, direction) {
    return {{"type", "string"}, {"format", "uuid"}};
}

bool binding<utc_time>::read(const json::value& in, const place& at, utc_time& out) {
    const auto* text = expect_string(in, at);
    return text != nullptr && read_text(std::string_view(*text), at, out);
}

bool binding<utc_time>::read_text(std::string_view in, const place& at, utc_time& out) {
    return accept(parse_rfc3339(in), "must be an RFC 3339 time, like 2026-01-31T09:30:00Z", at, out);
}

void binding<utc_time>::write(std::string& out, utc_time value) {
    out += '"';
    append_rfc3339(out, value);
    out += '"';
}

json::object binding<utc_time>::schema(components&, direction) {
    return {{"type", "string"}, {"format", "date-time"}};
}

json::object binding<std::string_view>::schema(components&, direction) { return {{"type", "string"}}; }

}  // namespace bulkhead::schema
