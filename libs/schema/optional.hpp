// SPDX-License-Identifier: Apache-2.0
// std::optional<T>. In a request it may be absent or null, which mean the same; in a response an empty one is
// null. Where absent and null differ, see patch.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schema/binding.hpp"

namespace bulkhead::schema {

template <class T>
struct binding<std::optional<T>> {
    static constexpr bool required = false;
    static constexpr bool nullable = true;

    static bool read(const json::value& in, const place& at, std::optional<T>& out) {
        out.reset();
        if (in.is_null()) return true;
        auto value = access::make<T>();
        if (!read_value(in, at, value)) return false;
        out = std::move(value);
        return true;
    }
    static bool read_text(std::string_view in, const place& at,
                          std::optional<T>& out) requires query_readable<T> {
        auto value = access::make<T>();
        if (!binding<T>::read_text(in, at, value)) return false;
        out = std::move(value);
        return true;
    }
    static void write(std::string& out, const std::optional<T>& value) {
        if (value)
            binding<T>::write(out, *value);
        else
            out += "null";
    }
    static json::object schema(components& shared, direction way) {
        return nullable_schema(binding<T>::schema(shared, way));
    }
    /// A query has no null.
    static json::object query_schema(components& shared) { return query_schema_of<T>(shared); }
};

}  // namespace bulkhead::schema
