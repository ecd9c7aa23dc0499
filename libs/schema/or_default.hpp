// SPDX-License-Identifier: Apache-2.0
// or_default<T, V...>: a member that may be left out and then is T(V...): or_default<bool, false>,
// or_default<priority, priority::medium>, or_default<integer<1, 100>, 20>, or_default<text<0, 100>> for "".
// Null is refused.
#pragma once

#include <boost/json/parse.hpp>
#include <string>
#include <string_view>

#include "schema/binding.hpp"

namespace bulkhead::schema {

template <class T, auto... V>
class or_default {
public:
    or_default() = default;
    or_default(T value) : value_(std::move(value)) {}  // implicit: it is a T with a default

    [[nodiscard]] const T& value() const noexcept { return value_; }
    const T& operator*() const noexcept { return value_; }
    const T* operator->() const noexcept { return &value_; }

    friend bool operator==(const or_default&, const or_default&) = default;

private:
    T value_ = T(V...);
};

template <class T, auto... V>
struct binding<or_default<T, V...>> {
    using type = or_default<T, V...>;
    static constexpr bool required = false;
    static constexpr bool nullable = false;

    static bool read(const json::value& in, const place& at, type& out) {
        auto value = access::make<T>();
        if (!read_value(in, at, value)) return false;
        out = std::move(value);
        return true;
    }
    static bool read_text(std::string_view in, const place& at, type& out) requires query_readable<T> {
        auto value = access::make<T>();
        if (!binding<T>::read_text(in, at, value)) return false;
        out = std::move(value);
        return true;
    }
    static void write(std::string& out, const type& value) { binding<T>::write(out, *value); }
    static json::object schema(components& shared, direction way) {
        auto out = binding<T>::schema(shared, way);
        if (way == direction::response) return out;
        std::string text;
        write(text, type{});
        out["default"] = json::parse(text);
        return out;
    }
};

}  // namespace bulkhead::schema
