// SPDX-License-Identifier: Apache-2.0
// integer<Min, Max>: a whole number within bounds. In JSON `3.0` is the same number as `3` (as JSON Schema
// has it); in a query only canonical decimals count: no sign but a minus, no leading zeros, no spaces.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "schema/binding.hpp"

namespace bulkhead::schema {

template <std::int64_t Min, std::int64_t Max>
class integer {
    static_assert(Min <= Max);

public:
    constexpr integer() requires(Min <= 0 && Max >= 0) = default;

    /// For values that are known to fit. Throws std::out_of_range otherwise.
    constexpr explicit integer(std::int64_t value) : value_(value) {
        if (value < Min || value > Max) throw std::out_of_range("integer");
    }

    [[nodiscard]] constexpr std::int64_t value() const noexcept { return value_; }

    friend bool operator==(const integer&, const integer&) = default;

private:
    friend struct access;
    friend struct binding<integer>;
    constexpr integer() {}

    std::int64_t value_ = 0;
};

/// The shared parts of all integer<…>: "wrong_type" or "out_of_range", and `out` is left alone, when they
/// refuse.
bool read_integer(const json::value& in, const place& at, std::int64_t min, std::int64_t max,
                  std::int64_t& out);
bool read_integer(std::string_view in, const place& at, std::int64_t min, std::int64_t max,
                  std::int64_t& out);
void append_integer(std::string& out, std::int64_t value);
json::object integer_schema(std::int64_t min, std::int64_t max);

template <std::int64_t Min, std::int64_t Max>
struct binding<integer<Min, Max>> : required_binding {
    using type = integer<Min, Max>;

    static bool read(const json::value& in, const place& at, type& out) {
        return read_integer(in, at, Min, Max, out.value_);
    }
    static bool read_text(std::string_view in, const place& at, type& out) {
        return read_integer(in, at, Min, Max, out.value_);
    }
    static void write(std::string& out, const type& value) { append_integer(out, value.value()); }
    static json::object schema(components&, direction) { return integer_schema(Min, Max); }
};

}  // namespace bulkhead::schema
