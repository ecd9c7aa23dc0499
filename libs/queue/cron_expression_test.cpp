// SPDX-License-Identifier: Apache-2.0
#include "queue/cron_expression.hpp"

#include <string>
#include <vector>

#include "base/testing/catch.hpp"

namespace bulkhead::queue {
namespace {

std::string next(std::string_view text, const std::string& time) {
    const auto expression = cron_expression::parse(text);
    if (!expression) return expression.error().fields.at(0).detail;
    return to_rfc3339(expression->next(parse_rfc3339(time).value())).substr(0, 16);
}

TEST_CASE("The next minute that fits") {
    struct example {
        const char* text;
        const char* after;
        const char* expected;
    };
    const std::vector<example> examples{
        {"* * * * *", "2026-03-01T10:00:00Z", "2026-03-01T10:01"},
        {"* * * * *", "2026-03-01T10:00:59.999Z", "2026-03-01T10:01"},
        {"0 * * * *", "2026-03-01T10:00:00Z", "2026-03-01T11:00"},
        {"*/15 * * * *", "2026-03-01T10:46:00Z", "2026-03-01T11:00"},
        {"5/20 * * * *", "2026-03-01T10:26:00Z", "2026-03-01T10:45"},
        {"10-20/5 3 * * *", "2026-03-01T03:15:00Z", "2026-03-01T03:20"},
        {"10-20/5 3 * * *", "2026-03-01T03:20:00Z", "2026-03-02T03:10"},
        {"0,30 4,16 * * *", "2026-03-01T04:30:00Z", "2026-03-01T16:00"},
        {"59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59"},
        // Months of different lengths, leap years, and the year 2100, which is none.
        {"0 0 31 * *", "2026-01-31T00:00:00Z", "2026-03-31T00:00"},
        {"0 0 29 2 *", "2026-03-01T00:00:00Z", "2028-02-29T00:00"},
        {"0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00"},
        // Days of the week; 7 is Sunday too. 2026-03-01 is one.
        {"0 9 * * 1-5", "2026-02-27T09:00:00Z", "2026-03-02T09:00"},
        {"0 9 * * 7", "2026-02-27T09:00:00Z", "2026-03-01T09:00"},
        {"0 9 * * 0", "2026-02-27T09:00:00Z", "2026-03-01T09:00"},
        {"0 9 * * 5-7", "2026-02-27T09:00:00Z", "2026-02-28T09:00"},
        {"0 9 * * Mon,wed", "2026-03-02T09:00:00Z", "2026-03-04T09:00"},
        {"0 0 1 JUN-aug *", "2026-08-01T00:00:00Z", "2027-06-01T00:00"},
        // Both days restricted: either; a star in front leaves it to the other.
        {"0 0 13 * 5", "2026-03-01T00:00:00Z", "2026-03-06T00:00"},
        {"0 0 13 * 5", "2026-04-10T00:00:00Z", "2026-04-13T00:00"},
        {"0 0 */2 * 1", "2026-03-01T00:00:00Z", "2026-03-09T00:00"},
        {"0 0 1-7 * */7", "2026-03-01T00:00:00Z", "2026-04-05T00:00"},
        // Whole words and generous spaces.
        {"@hourly", "2026-03-01T10:20:00Z", "2026-03-01T11:00"},
        {"@daily", "2026-03-01T10:20:00Z", "2026-03-02T00:00"},
        {"@weekly", "2026-03-01T00:00:00Z", "2026-03-08T00:00"},
        {"@monthly", "2026-12-01T10:20:00Z", "2027-01-01T00:00"},
        {"@yearly", "2026-01-01T00:00:00Z", "2027-01-01T00:00"},
        {"  0 \t 0  1 1  * ", "2026-01-01T00:00:00Z", "2027-01-01T00:00"},
    };
    for (const auto& each : examples) {
        INFO(each.text << " after " << each.after);
        CHECK(next(each.text, each.after) == each.expected);
    }
}

TEST_CASE("What is no cron expression") {
    for (const auto* text : {"",
                             "* * * *",
                             "* * * * * *",
                             "60 * * * *",
                             "* 24 * * *",
                             "* * 0 * *",
                             "* * 32 * *",
                             "* * * 0 *",
                             "* * * 13 *",
                             "* * * * 8",
                             "*/0 * * * *",
                             "5-1 * * * *",
                             "a * * * *",
                             "1,,2 * * * *",
                             "-1 * * * *",
                             "1- * * * *",
                             "*-5 * * * *",
                             "* * * foo *",
                             "@reboot",
                             "@",
                             "+1 * * * *",
                             "1/ * * * *",
                             "0x1 * * * *",
                             "99999999999 * * * *",
                             "* * 30 2 *",
                             "0 0 31 4,6,9,11 *"}) {
        INFO(text);
        const auto parsed = cron_expression::parse(text);
        REQUIRE(!parsed);
        CHECK(parsed.error().code == errc::validation_failed);
        CHECK(parsed.error().fields.at(0).pointer == "/cron");
    }
}

TEST_CASE("Steps over the end and over the whole range end") {
    CHECK(next("0/4294967295 * * * *", "2026-03-01T10:00:00Z") == "2026-03-01T11:00");
    CHECK(next("59/4294967295 * * * *", "2026-03-01T10:00:00Z") == "2026-03-01T10:59");
}

}  // namespace
}  // namespace bulkhead::queue
