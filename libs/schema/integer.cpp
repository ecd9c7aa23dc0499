// SPDX-License-Identifier: Apache-2.0
#include "schema/integer.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

namespace bulkhead::schema {
namespace {

bool refuse_type(const place& at) { return at.refuse("wrong_type", "must be a whole number"); }

bool refuse_range(const place& at, std::int64_t min, std::int64_t max) {
    using limits = std::numeric_limits<std::int64_t>;
    if (min == limits::min() && max == limits::max())
        return at.refuse("out_of_range", "must fit into 64 bits");
    if (max == limits::max()) return at.refuse("out_of_range", fmt::format("must be at least {}", min));
    if (min == limits::min()) return at.refuse("out_of_range", fmt::format("must be at most {}", max));
    return at.refuse("out_of_range", fmt::format("must be from {} to {}", min, max));
}

bool accept(std::int64_t value, const place& at, std::int64_t min, std::int64_t max, std::int64_t& out) {
    if (value < min || value > max) return refuse_range(at, min, max);
    out = value;
    return true;
}

/// "0", "-7", "42": exactly one spelling per number.
bool is_canonical(std::string_view text) {
    if (text.starts_with('-')) {
        text.remove_prefix(1);
        if (text == "0") return false;
    }
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos &&
           (text.size() == 1 || text.front() != '0');
}

}  // namespace

bool read_integer(const json::value& in, const place& at, std::int64_t min, std::int64_t max,
                  std::int64_t& out) {
    constexpr double exact =
        9007199254740992.0;  // 2^53: above it a double no longer tells whole numbers apart
    if (const auto* value = in.if_int64()) return accept(*value, at, min, max, out);
    if (in.is_uint64())
        return refuse_range(at, min, max);  // the parser yields it only above the signed range
    const auto* value = in.if_double();
    if (value == nullptr || std::trunc(*value) != *value) return refuse_type(at);
    if (std::abs(*value) > exact) return refuse_range(at, min, max);
    return accept(static_cast<std::int64_t>(*value), at, min, max, out);
}

bool read_integer(std::string_view in, const place& at, std::int64_t min, std::int64_t max,
                  std::int64_t& out) {
    if (!is_canonical(in)) return refuse_type(at);
    std::int64_t value = 0;
    const auto [end, failure] = std::from_chars(in.data(), in.data() + in.size(), value);
    if (failure != std::errc{}) return refuse_range(at, min, max);
    return accept(value, at, min, max, out);
}

void append_integer(std::string& out, std::int64_t value) {
    const fmt::format_int text(value);
    out.append(text.data(), text.size());
}

json::object integer_schema(std::int64_t min, std::int64_t max) {
    return {{"type", "integer"}, {"minimum", min}, {"maximum", max}};
}

}  // namespace bulkhead::schema
