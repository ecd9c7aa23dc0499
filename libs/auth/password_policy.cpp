// SPDX-License-Identifier: Apache-2.0
#include "auth/password_policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "auth/common_passwords.hpp"
#include "base/text.hpp"

namespace bulkhead::auth {
namespace {

constexpr std::size_t telling_length = 4;  // shorter names occur in good passwords by chance

// Every character occurs once in its line, so that the next one is never in doubt; the end joins the
// beginning.
constexpr std::array<std::string_view, 8> lines{
    "abcdefghijklmnopqrstuvwxyz", "0123456789",
    "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",       "qazwsxedcrfvtgbyhnujmikolp",
};

/// `text` reads along `line`, `step` places at a time.
bool runs_along(std::string_view text, std::string_view line, std::size_t step) {
    auto place = line.find(text.front());
    if (place == std::string_view::npos) return false;
    return std::ranges::all_of(text.substr(1), [&](char c) {
        place = (place + step) % line.size();
        return line[place] == c;
    });
}

bool is_run(std::string_view text) {
    return std::ranges::any_of(lines, [text](std::string_view line) {
        return runs_along(text, line, 1) || runs_along(text, line, line.size() - 1);
    });
}

/// One code point, over and over.
bool is_one_character(std::string_view text) {
    const auto is_continuation = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
    const auto rest = std::ranges::find_if_not(text.substr(1), is_continuation);
    const auto width = static_cast<std::size_t>(rest - text.begin());
    return text.substr(width) == text.substr(0, text.size() - width);
}

bool contains(std::string_view lower_text, std::string_view part, std::size_t from_length) {
    part = trim(part);
    return !part.empty() && count_code_points(part) >= from_length &&
           lower_text.find(to_lower(part)) != std::string_view::npos;
}

}  // namespace

std::optional<field_error> check_password(std::string_view password, std::string_view email,
                                          std::string_view tenant_name, std::string pointer) {
    const auto wrong = [&pointer](std::string_view code, std::string detail) {
        return field_error{std::move(pointer), std::string(code), std::move(detail)};
    };
    const auto length = count_code_points(password);
    if (length < password_min_length)
        return wrong("too_short", fmt::format("must have at least {} characters", password_min_length));
    if (length > password_max_length)
        return wrong("too_long", fmt::format("must have at most {} characters", password_max_length));
    const auto lower = to_lower(password);
    if (is_one_character(lower) || is_run(lower) || is_common_password(lower))
        return wrong("too_common", "is among the first that others would try");
    const auto local_part = email.substr(0, email.rfind('@'));
    if (contains(lower, email, 1) || contains(lower, local_part, telling_length) ||
        contains(lower, tenant_name, telling_length))
        return wrong("contains_personal_data",
                     "must not contain the e-mail address or the name of the tenant");
    return std::nullopt;
}

}  // namespace bulkhead::auth
