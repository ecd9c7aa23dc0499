// SPDX-License-Identifier: Apache-2.0
// Instants in UTC with microseconds (what PostgreSQL keeps), written as RFC 3339 with milliseconds.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace bulkhead {

using utc_time = std::chrono::sys_time<std::chrono::microseconds>;

utc_time utc_now();

/// "2026-01-31T09:30:00.000Z"; years 0 to 9999. Fractions below a millisecond are cut off.
std::string to_rfc3339(utc_time time);
void append_rfc3339(std::string& out, utc_time time);

/// RFC 3339 date-time with any offset; up to nine fraction digits, of which six are kept. A leap second
/// (":60") and impossible dates are refused. Years 1 to 9999, as written and in UTC.
std::optional<utc_time> parse_rfc3339(std::string_view text);

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7).
std::string to_http_date(utc_time time);

/// "250ms", "5s", "15m", "1h", "30d"; a bare number is seconds. nullopt when it is none of these or
/// overflows.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// The shortest of those spellings.
std::string format_duration(std::chrono::milliseconds value);

}  // namespace bulkhead
