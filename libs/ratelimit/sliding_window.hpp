// SPDX-License-Identifier: Apache-2.0
// How many requests were counted in a window of time that slides. Windows of fixed length follow each other
// from the first request on; those of the last whole one count by the part of it that the sliding one still
// covers, as if they had come evenly between its beginning and the last of them. Five numbers instead of a
// list of times: exact for whoever uses up a limit in one go, and off by little for others. A plain value;
// check.lua does the same in Redis.
#pragma once

#include <cstdint>
#include <optional>

#include "ratelimit/policy.hpp"

namespace bulkhead::ratelimit {

class sliding_window {
public:
    sliding_window() = default;
    /// From the numbers that are kept in Redis.
    sliding_window(milliseconds start, milliseconds last, std::int64_t current, std::int64_t previous,
                   milliseconds previous_last)
        : start_(start), last_(last), current_(current), previous_(previous), previous_last_(previous_last) {}

    /// Brings it to `now`, which everything below is about; a clock that has gone back stands still.
    void advance(milliseconds now, milliseconds length);

    /// What counts now.
    [[nodiscard]] double used(milliseconds now) const;

    /// How long to wait until one more is within `limit`, which is not 0; nullopt: it is now.
    [[nodiscard]] std::optional<milliseconds> wait(std::int64_t limit, milliseconds now,
                                                   milliseconds length) const;

    /// Counts one more.
    void count(milliseconds now);

    /// When the current window ends.
    [[nodiscard]] milliseconds left_of_window(milliseconds now, milliseconds length) const {
        return start_ + length - now;
    }

private:
    milliseconds start_{0};          // of the current window
    milliseconds last_{0};           // when in it the last request came
    std::int64_t current_ = 0;       // requests in it
    std::int64_t previous_ = 0;      // requests in the window before …
    milliseconds previous_last_{0};  // … and when in that the last one came
};

}  // namespace bulkhead::ratelimit
