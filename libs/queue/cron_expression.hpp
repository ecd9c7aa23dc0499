// SPDX-License-Identifier: Apache-2.0
// "30 4 * * 1-5": when something is to happen, as crontab(5) has it. Five fields: minute, hour, day of the
// month, month, day of the week (0-7, both ends are Sunday); lists, ranges, steps, names of months and days
// in English, and @hourly, @daily, @weekly, @monthly, @yearly. If both days are restricted (neither begins
// with
// "*"), one of them is enough. All in UTC, where no hour is missing or comes twice. Pure values.
#pragma once

#include <bitset>
#include <chrono>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "base/time.hpp"

namespace bulkhead::queue {

class cron_expression {
public:
    /// errc::validation_failed on /cron says what is wrong. Also for a date that never comes ("0 0 30 2 *").
    static result<cron_expression> parse(std::string_view text);

    /// The first minute behind `time` that fits.
    [[nodiscard]] utc_time next(utc_time time) const;

    friend bool operator==(const cron_expression&, const cron_expression&) = default;

private:
    [[nodiscard]] bool fits(std::chrono::year_month_day date) const;
    [[nodiscard]] std::optional<utc_time> find(utc_time time) const;

    std::bitset<60> minutes_;
    std::bitset<24> hours_;
    std::bitset<32> days_;
    std::bitset<13> months_;
    std::bitset<7> weekdays_;
    bool any_day_ = false;  // the field begins with "*"
    bool any_weekday_ = false;
};

}  // namespace bulkhead::queue
