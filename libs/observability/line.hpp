// SPDX-License-Identifier: Apache-2.0
// How one log line is spelled. Pure functions over strings, safe from any thread. Whatever the input, a line
// is valid UTF-8, holds no line end and no terminal escape, and in JSON is one valid object.
#pragma once

#include <string>
#include <string_view>

#include "base/time.hpp"
#include "observability/log.hpp"

namespace bulkhead::log {

/// A text longer than this many bytes is cut, and says so.
inline constexpr std::size_t max_text_bytes = 8192;

/// Where the level stands in a plain line ("12:00:00.123 ERROR ..."), for whoever wants to colour it.
inline constexpr std::size_t pretty_level_at = 13;
inline constexpr std::size_t pretty_level_width = 5;

/// Appends ,"key":value. Numbers that JSON cannot hold become null, secrets their redacted form.
void append_field(std::string& out, const field& value);

/// Appends {"time":...,"level":...,"message":...<bound><more>}, where `bound` came from append_field.
void append_json_line(std::string& out, utc_time time, level severity, std::string_view message,
                      std::string_view bound, fields more);

/// Appends 12:00:00.123 INFO  message  key=value key="two words". The time is UTC.
void append_pretty_line(std::string& out, utc_time time, level severity, std::string_view message,
                        std::string_view bound, fields more);

}  // namespace bulkhead::log
