// SPDX-License-Identifier: Apache-2.0
// Members of a JSON merge patch (RFC 7396), where leaving a member out means "as it is":
//     change<T>   may be left out; null is refused ("null_not_allowed")
//     patch<T>    may be left out; null clears the value
// Both are for requests only.
#pragma once

#include <optional>

#include "schema/binding.hpp"

namespace bulkhead::schema {

template <class T>
class change {
public:
    change() = default;
    change(T value) : value_(std::move(value)) {}  // implicit: to set is what a member is named for

    /// False: leave the member as it is.
    [[nodiscard]] bool given() const noexcept { return value_.has_value(); }
    /// Only when given(); throws std::bad_optional_access otherwise.
    [[nodiscard]] const T& value() const { return value_.value(); }

    friend bool operator==(const change&, const change&) = default;

private:
    std::optional<T> value_;
};

template <class T>
class patch {
public:
    patch() = default;
    patch(std::nullopt_t) : given_(true) {}
    patch(T value) : given_(true), value_(std::move(value)) {}

    /// False: leave the member as it is.
    [[nodiscard]] bool given() const noexcept { return given_; }
    /// Null was given: clear the member.
    [[nodiscard]] bool is_null() const noexcept { return given_ && !value_; }
    /// What to set when given(); empty to clear.
    [[nodiscard]] const std::optional<T>& value() const noexcept { return value_; }

    friend bool operator==(const patch&, const patch&) = default;

private:
    bool given_ = false;
    std::optional<T> value_;
};

template <class T>
struct binding<change<T>> {
    static constexpr bool required = false;
    static constexpr bool nullable = false;

    static bool read(const json::value& in, const place& at, change<T>& out) {
        auto value = access::make<T>();
        if (!read_value(in, at, value)) return false;
        out = std::move(value);
        return true;
    }
    static json::object schema(components& shared, direction way) { return binding<T>::schema(shared, way); }
};

template <class T>
struct binding<patch<T>> {
    static constexpr bool required = false;
    static constexpr bool nullable = true;

    static bool read(const json::value& in, const place& at, patch<T>& out) {
        out = std::nullopt;
        if (in.is_null()) return true;
        auto value = access::make<T>();
        if (!read_value(in, at, value)) return false;
        out = std::move(value);
        return true;
    }
    static json::object schema(components& shared, direction way) {
        return nullable_schema(binding<T>::schema(shared, way));
    }
};

}  // namespace bulkhead::schema
