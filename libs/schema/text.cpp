// SPDX-License-Identifier: Apache-2.0
#include "schema/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace bulkhead::schema {
namespace {

using namespace std::string_view_literals;

/// Unicode White_Space, as UTF-8.
constexpr std::array white_space{" "sv,
                                 "\t"sv,
                                 "\n"sv,
                                 "\v"sv,
                                 "\f"sv,
                                 "\r"sv,
                                 "\xc2\x85"sv,
                                 "\xc2\xa0"sv,
                                 "\xe1\x9a\x80"sv,
                                 "\xe2\x80\x80"sv,
                                 "\xe2\x80\x81"sv,
                                 "\xe2\x80\x82"sv,
                                 "\xe2\x80\x83"sv,
                                 "\xe2\x80\x84"sv,
                                 "\xe2\x80\x85"sv,
                                 "\xe2\x80\x86"sv,
                                 "\xe2\x80\x87"sv,
                                 "\xe2\x80\x88"sv,
                                 "\xe2\x80\x89"sv,
                                 "\xe2\x80\x8a"sv,
                                 "\xe2\x80\xa8"sv,
                                 "\xe2\x80\xa9"sv,
                                 "\xe2\x80\xaf"sv,
                                 "\xe2\x81\x9f"sv,
                                 "\xe3\x80\x80"sv};

std::string counted(std::size_t count) { return fmt::format("{} character{}", count, count == 1 ? "" : "s"); }

}  // namespace

bool is_blank(std::string_view value) noexcept {
    while (!value.empty()) {
        const auto* space = std::ranges::find_if(white_space, [&](auto s) { return value.starts_with(s); });
        if (space == white_space.end()) return false;
        value.remove_prefix(space->size());
    }
    return true;
}

std::optional<problem> check_text(std::string_view value, std::size_t min, std::size_t max) {
    if (!is_utf8(value) || value.find('\0') != std::string_view::npos)
        return problem{"invalid_format", "must be UTF-8 text without NUL"};
    const auto length = count_code_points(value);
    if (length < min) return problem{"too_short", fmt::format("must have at least {}", counted(min))};
    if (length > max) return problem{"too_long", fmt::format("must have at most {}", counted(max))};
    if (min > 0 && is_blank(value)) return problem{"blank", "must not be only white space"};
    return std::nullopt;
}

bool read_text_value(const json::value& in, const place& at, std::size_t min, std::size_t max,
                     std::string& out) {
    const auto* text = expect_string(in, at);
    return text != nullptr && read_text_value(std::string_view(*text), at, min, max, out);
}

bool read_text_value(std::string_view in, const place& at, std::size_t min, std::size_t max,
                     std::string& out) {
    if (auto broken = check_text(in, min, max)) return at.refuse(std::move(*broken));
    out = in;
    return true;
}

json::object text_schema(std::size_t min, std::size_t max) {
    json::object out{{"type", "string"}};
    if (min > 0) out["minLength"] = min;
    out["maxLength"] = max;
    return out;
}

}  // namespace bulkhead::schema
