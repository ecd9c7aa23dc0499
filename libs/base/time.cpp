// SPDX-License-Identifier: Apache-2.0
#include "base/time.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>

namespace bulkhead {
namespace {

using namespace std::chrono;

struct unit {
    std::string_view suffix;
    std::int64_t ms;
};
constexpr std::array units{unit{"ms", 1}, unit{"s", 1000}, unit{"m", 60'000}, unit{"h", 3'600'000},
                           unit{"d", 86'400'000}};

constexpr utc_time earliest = sys_days{year{1} / January / 1};
constexpr utc_time past_latest = sys_days{year{10000} / January / 1};

/// Takes exactly `count` digits off the front of `text`.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
    if (text.size() < count) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return value;
}

bool take(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

/// "": 0; ".123456789": 123456 µs.
std::optional<microseconds> take_fraction(std::string_view& text) {
    if (!take(text, ".")) return microseconds{0};
    std::int64_t value = 0;
    std::size_t digits = 0;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++digits)
        if (digits < 6) value = value * 10 + (text.front() - '0');
    if (digits == 0 || digits > 9) return std::nullopt;
    for (auto i = digits; i < 6; ++i) value *= 10;
    return microseconds{value};
}

std::optional<minutes> take_offset(std::string_view& text) {
    if (take(text, "Zz")) return minutes{0};
    const bool negative = text.starts_with('-');
    if (!take(text, "+-")) return std::nullopt;
    const auto hour = take_digits(text, 2);
    if (!hour || !take(text, ":")) return std::nullopt;
    const auto minute = take_digits(text, 2);
    if (!minute || *hour > 23 || *minute > 59) return std::nullopt;
    const minutes offset{*hour * 60 + *minute};
    return negative ? -offset : offset;
}

/// Writes `value` with `width` digits and the mark after it; gives the position behind both.
char* put(char* to, std::int64_t value, std::size_t width, char mark) {
    for (auto i = width; i-- > 0; value /= 10) to[i] = static_cast<char>('0' + value % 10);
    to[width] = mark;
    return to + width + 1;
}

}  // namespace

utc_time utc_now() { return time_point_cast<microseconds>(system_clock::now()); }

void append_rfc3339(std::string& out, utc_time time) {
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss clock{floor<milliseconds>(time - day)};
    std::array<char, 24> text{};
    auto* to = put(text.data(), static_cast<int>(date.year()), 4, '-');
    to = put(to, static_cast<unsigned>(date.month()), 2, '-');
    to = put(to, static_cast<unsigned>(date.day()), 2, 'T');
    to = put(to, clock.hours().count(), 2, ':');
    to = put(to, clock.minutes().count(), 2, ':');
    to = put(to, clock.seconds().count(), 2, '.');
    put(to, clock.subseconds().count(), 3, 'Z');
    out.append(text.data(), text.size());
}

std::string to_rfc3339(utc_time time) {
    std::string out;
    out.reserve(24);
    append_rfc3339(out, time);
    return out;
}

std::optional<utc_time> parse_rfc3339(std::string_view text) {
    const auto y = take_digits(text, 4);
    if (!y || !take(text, "-")) return std::nullopt;
    const auto mo = take_digits(text, 2);
    if (!mo || !take(text, "-")) return std::nullopt;
    const auto d = take_digits(text, 2);
    if (!d || !take(text, "Tt")) return std::nullopt;
    const auto h = take_digits(text, 2);
    if (!h || !take(text, ":")) return std::nullopt;
    const auto mi = take_digits(text, 2);
    if (!mi || !take(text, ":")) return std::nullopt;
    const auto s = take_digits(text, 2);
    if (!s) return std::nullopt;
    const auto fraction = take_fraction(text);
    if (!fraction) return std::nullopt;
    const auto offset = take_offset(text);
    if (!offset || !text.empty()) return std::nullopt;
    const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)}, day{static_cast<unsigned>(*d)}};
    if (!date.ok() || *y < 1 || *h > 23 || *mi > 59 || *s > 59) return std::nullopt;
    const auto out = utc_time{sys_days{date}} + hours{*h} + minutes{*mi} + seconds{*s} + *fraction - *offset;
    // The offset can move an instant over the edge, where it could not be written again.
    if (out < earliest || out >= past_latest) return std::nullopt;
    return out;
}

std::string to_http_date(utc_time time) {
    constexpr std::array weekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss clock{floor<seconds>(time - day)};
    return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", weekdays[weekday{day}.c_encoding()],
                       static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
                       static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                       clock.seconds().count());
}

std::optional<milliseconds> parse_duration(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || text.starts_with('-')) return std::nullopt;
    std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
    if (suffix.empty()) suffix = "s";
    for (const auto& u : units)
        if (u.suffix == suffix) {
            if (value > std::numeric_limits<std::int64_t>::max() / u.ms) return std::nullopt;
            return milliseconds{value * u.ms};
        }
    return std::nullopt;
}

std::string format_duration(milliseconds value) {
    for (auto u = units.rbegin(); u != units.rend(); ++u)
        if (value.count() != 0 && value.count() % u->ms == 0)
            return fmt::format("{}{}", value.count() / u->ms, u->suffix);
    return "0s";
}

}  // namespace bulkhead
