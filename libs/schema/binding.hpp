// SPDX-License-Identifier: Apache-2.0
// How a type meets the outside. Every type that may be a member of a described struct has a specialisation of
// binding<T>; the other headers of this folder give them. All functions are pure and safe from any thread.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "schema/json_schema.hpp"
#include "schema/place.hpp"

namespace bulkhead::schema {

/// What a specialisation offers. A type that is only sent has no `read`, one that is only received no
/// `write`.
///
///     static constexpr bool required;   // a request must have it; otherwise an absent one keeps T's default
///     static constexpr bool nullable;   // null reaches `read`; otherwise it is refused before
///     static bool read(const json::value&, const place&, T& out);       // false after place::refuse
///     static bool read_text(std::string_view, const place&, T& out);    // the same, from a query parameter
///     static void write(std::string& out, const T&);                    // appends JSON
///     static json::object schema(components&, direction);
///     static json::object query_schema(components&);                    // only where it differs
template <class T>
struct binding;

/// The usual case: must be there and must not be null.
struct required_binding {
    static constexpr bool required = true;
    static constexpr bool nullable = false;
};

/// Lets the parser make values that are not valid yet. Constrained types keep their default constructor
/// private and name this a friend, so that nobody else can forget to fill one in.
struct access {
    template <class T>
    static T make() {
        return T{};
    }
};

template <class T>
concept readable = requires(const json::value& in, const place& at, T& out) {
    { binding<T>::read(in, at, out) } -> std::same_as<bool>;
};

template <class T>
concept query_readable = requires(std::string_view in, const place& at, T& out) {
    { binding<T>::read_text(in, at, out) } -> std::same_as<bool>;
};

template <class T>
concept writable = requires(std::string& out, const T& value) {
    binding<T>::write(out, value);
};

bool refuse_null(const place& at);

/// The string in `in`; null after refusing it as "wrong_type".
const json::string* expect_string(const json::value& in, const place& at);

/// Reads a member or an item, null included.
template <class T>
bool read_value(const json::value& in, const place& at, T& out) {
    static_assert(readable<T>,
                  "this type cannot be part of a request: constrain it (text, integer, bounded, …)");
    if (!binding<T>::nullable && in.is_null()) return refuse_null(at);
    return binding<T>::read(in, at, out);
}

/// Schema of a query parameter.
template <class T>
json::object query_schema_of(components& shared) {
    if constexpr (requires { binding<T>::query_schema(shared); })
        return binding<T>::query_schema(shared);
    else
        return binding<T>::schema(shared, direction::request);
}

}  // namespace bulkhead::schema
