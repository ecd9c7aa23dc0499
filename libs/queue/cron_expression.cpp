// SPDX-License-Identifier: Apache-2.0
#include "queue/cron_expression.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/text.hpp"

namespace bulkhead::queue {
namespace {

using namespace std::chrono;

/// A leap year may be eight years away (1896, 1904), and with a day of the week nothing is rarer.
constexpr days farthest{8 * 366 + 1};

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekday_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct field {
    std::string_view name;
    unsigned low, high;
    std::span<const std::string_view> words{};  // of low, low + 1, …
};

constexpr field minute_field{"the minute", 0, 59};
constexpr field hour_field{"the hour", 0, 23};
constexpr field day_field{"the day of the month", 1, 31};
const field month_field{"the month", 1, 12, month_names};
const field weekday_field{"the day of the week", 0, 7, weekday_names};

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::optional<unsigned> number(std::string_view text) {
    unsigned out = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return out;
}

std::optional<unsigned> value(const field& of, std::string_view text) {
    const auto name = lower(text);
    for (std::size_t i = 0; i < of.words.size(); ++i)
        if (name == of.words[i]) return of.low + static_cast<unsigned>(i);
    const auto out = number(text);
    return out && *out >= of.low && *out <= of.high ? out : std::nullopt;
}

std::vector<std::string_view> split(std::string_view text, std::string_view at) {
    std::vector<std::string_view> out;
    for (;;) {
        const auto end = text.find_first_of(at);
        out.push_back(text.substr(0, end));
        if (end == text.npos) return out;
        text.remove_prefix(end + 1);
    }
}

/// "*", "5", "1-5", each with "/2" behind it; calls `add` with each value. False: it is none of these.
template <class Add>
bool read_range(const field& of, std::string_view text, Add add) {
    const auto slash = text.find('/');
    const auto range = text.substr(0, slash);
    const auto dash = range.find('-');
    auto first = range == "*" ? of.low : value(of, range.substr(0, dash));
    auto last = first;
    if (range == "*" || (dash == range.npos && slash != text.npos)) last = of.high;
    if (dash != range.npos) last = value(of, range.substr(dash + 1));
    const auto step = slash == text.npos ? 1 : number(text.substr(slash + 1));
    if (!first || !last || !step || *step == 0 || *first > *last) return false;
    for (std::uint64_t each = *first; each <= *last; each += *step) add(static_cast<unsigned>(each));
    return true;
}

template <std::size_t N>
result<> read_field(const field& of, std::string_view text, std::bitset<N>& into) {
    for (const auto each : split(text, ","))
        if (!read_range(of, each, [&](unsigned v) { into.set(v % N); }))
            return fail_field("/cron", "invalid_format", fmt::format("{} is not \"{:.40}\"", of.name, text));
    return {};
}

/// What stands for a word with an @; the word itself when it is none.
std::string_view expand(std::string_view text) {
    if (text == "@hourly") return "0 * * * *";
    if (text == "@daily" || text == "@midnight") return "0 0 * * *";
    if (text == "@weekly") return "0 0 * * 0";
    if (text == "@monthly") return "0 0 1 * *";
    if (text == "@yearly" || text == "@annually") return "0 0 1 1 *";
    return text;
}

}  // namespace

result<cron_expression> cron_expression::parse(std::string_view text) {
    std::vector<std::string_view> fields;
    for (const auto each : split(expand(text), " \t"))
        if (!each.empty()) fields.push_back(each);
    if (fields.size() != 5)
        return fail_field("/cron", "invalid_format", "five fields: minute hour day month weekday");
    cron_expression out;
    auto read = read_field(minute_field, fields[0], out.minutes_);
    if (read) read = read_field(hour_field, fields[1], out.hours_);
    if (read) read = read_field(day_field, fields[2], out.days_);
    if (read) read = read_field(month_field, fields[3], out.months_);
    if (read) read = read_field(weekday_field, fields[4], out.weekdays_);
    if (!read) return std::unexpected(std::move(read.error()));
    out.any_day_ = fields[2].starts_with('*');
    out.any_weekday_ = fields[4].starts_with('*');
    // Any window of eight years but those around 1900 and 2100 has a 29th of February.
    if (!out.find(sys_days(year(2000) / 1 / 1)))
        return fail_field("/cron", "invalid_format", "there is no such date");
    return out;
}

bool cron_expression::fits(year_month_day date) const {
    if (!months_[static_cast<unsigned>(date.month())]) return false;
    const bool day = days_[static_cast<unsigned>(date.day())];
    const bool weekday = weekdays_[std::chrono::weekday(sys_days(date)).c_encoding()];
    // As crontab(5): with a star in one of them both must fit, which leaves the other one to decide.
    return any_day_ || any_weekday_ ? day && weekday : day || weekday;
}

std::optional<utc_time> cron_expression::find(utc_time time) const {
    const auto begin = floor<minutes>(time) + minutes(1);
    const auto today = floor<days>(begin);
    for (auto date = today; date <= today + farthest; date += days(1)) {
        if (!fits(year_month_day(date))) continue;
        const auto from = date == today ? (begin - today).count() : 0;
        for (auto minute = static_cast<unsigned>(from); minute < 24 * 60; ++minute)
            if (hours_[minute / 60] && minutes_[minute % 60]) return utc_time(date + minutes(minute));
    }
    return std::nullopt;
}

utc_time cron_expression::next(utc_time time) const {
    const auto found = find(time);
    if (!found) throw std::logic_error("a cron expression that was not parsed");
    return *found;
}

}  // namespace bulkhead::queue
