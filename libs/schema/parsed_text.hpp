// SPDX-License-Identifier: Apache-2.0
// Types that are text by a grammar of their own (an e-mail address, a slug) join with four members; what is
// not one is refused as "invalid_format".
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>

#include "schema/binding.hpp"

namespace bulkhead::schema {

/// T::parse gives the value or nothing, T::rule says what it wants ("must be …"), T::describe is its JSON
/// Schema and str() its canonical spelling. T's default constructor may be private to schema::access.
template <class T>
concept parsed_text = requires(const T& value, std::string_view in) {
    { T::parse(in) } -> std::same_as<std::optional<T>>;
    { T::rule } -> std::convertible_to<std::string_view>;
    { T::describe() } -> std::same_as<json::object>;
    { value.str() } -> std::convertible_to<std::string_view>;
};

template <parsed_text T>
struct binding<T> : required_binding {
    static bool read(const json::value& in, const place& at, T& out) {
        const auto* text = expect_string(in, at);
        return text != nullptr && read_text(std::string_view(*text), at, out);
    }
    static bool read_text(std::string_view in, const place& at, T& out) {
        auto value = T::parse(in);
        if (!value) return at.refuse("invalid_format", std::string(T::rule));
        out = std::move(*value);
        return true;
    }
    static void write(std::string& out, const T& value) { append_json_string(out, value.str()); }
    static json::object schema(components&, direction) { return T::describe(); }
};

}  // namespace bulkhead::schema
