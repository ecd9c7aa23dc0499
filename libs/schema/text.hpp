// SPDX-License-Identifier: Apache-2.0
// text<Min, Max>: UTF-8 without NUL whose length, in code points, is in [Min, Max]. Unless it may be empty it
// must also show something: white space alone is refused as "blank".
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "schema/binding.hpp"

namespace bulkhead::schema {

/// The first rule of text<min, max> that `value` breaks: "invalid_format", "too_short", "too_long" or
/// "blank".
[[nodiscard]] std::optional<problem> check_text(std::string_view value, std::size_t min, std::size_t max);

/// Only white space in the sense of Unicode's White_Space property, or nothing. `value` is UTF-8.
[[nodiscard]] bool is_blank(std::string_view value) noexcept;

template <std::size_t Min, std::size_t Max>
class text {
    static_assert(Min <= Max && Max > 0);

public:
    text() requires(Min == 0) = default;

    /// For values that are known to fit. Throws std::invalid_argument otherwise.
    explicit text(std::string value) : value_(std::move(value)) {
        if (auto broken = check_text(value_, Min, Max)) throw std::invalid_argument(broken->detail);
    }

    [[nodiscard]] const std::string& str() const noexcept { return value_; }

    friend bool operator==(const text&, const text&) = default;

private:
    friend struct access;
    friend struct binding<text>;
    text() {}

    std::string value_;
};

/// The shared parts of all text<…>. The readers leave `out` alone when they refuse.
bool read_text_value(const json::value& in, const place& at, std::size_t min, std::size_t max,
                     std::string& out);
bool read_text_value(std::string_view in, const place& at, std::size_t min, std::size_t max,
                     std::string& out);
json::object text_schema(std::size_t min, std::size_t max);

template <std::size_t Min, std::size_t Max>
struct binding<text<Min, Max>> : required_binding {
    using type = text<Min, Max>;

    static bool read(const json::value& in, const place& at, type& out) {
        return read_text_value(in, at, Min, Max, out.value_);
    }
    static bool read_text(std::string_view in, const place& at, type& out) {
        return read_text_value(in, at, Min, Max, out.value_);
    }
    static void write(std::string& out, const type& value) { append_json_string(out, value.str()); }
    static json::object schema(components&, direction) { return text_schema(Min, Max); }
};

}  // namespace bulkhead::schema
