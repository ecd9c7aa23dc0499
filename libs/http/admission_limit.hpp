// SPDX-License-Identifier: Apache-2.0
// How many requests of one kind may be served at the same time, found by watching how long they take. While
// the median stays within a multiple of what it is when little is asked, the limit grows by a tenth each
// window; above, it shrinks in proportion. The median, so that the few requests of a database that hangs do
// not speak for the others. No clock and no I/O: times come from outside. Belongs to its gate.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

namespace bulkhead::http {

struct limit_settings {
    std::size_t least = 4;  // never fewer; what is measured at most so many at a time is the baseline
    std::size_t most = 1024;
    std::size_t initial = 32;
    double tolerance = 2;                    // how many times the baseline the median may take
    std::chrono::microseconds floor{1'000};  // a median below this is never too slow
    std::chrono::milliseconds window{100};   // between two decisions, at least
    [[nodiscard]] bool fixed() const noexcept { return least == most; }
};

class admission_limit {
public:
    using clock = std::chrono::steady_clock;

    explicit admission_limit(const limit_settings& settings);

    /// A request was served in so much time; `together`: in service at its end, itself included. `quiet`:
    /// they were never more than settings.least while it was. Not just at its beginning: answers of a
    /// database come in batches, and after each batch the next one begins quietly.
    void observe(std::chrono::nanoseconds took, std::size_t together, bool quiet);

    /// Decides anew, once a window has passed. `lagging`: the reactor is late with everything; the limit
    /// shrinks whatever the median is.
    void update(clock::time_point now, bool lagging);

    [[nodiscard]] std::size_t value() const noexcept { return static_cast<std::size_t>(limit_); }
    /// The median that is just tolerated.
    [[nodiscard]] std::chrono::nanoseconds target() const noexcept;

private:
    static constexpr std::size_t enough = 8;  // observations, to decide anything
    struct sample_set {
        std::array<std::chrono::nanoseconds, 128> kept{};  // the last ones
        std::size_t seen = 0;
        void add(std::chrono::nanoseconds took) noexcept { kept[seen++ % kept.size()] = took; }
        std::chrono::nanoseconds take_median() noexcept;
    };

    const limit_settings settings_;
    double limit_;
    sample_set all_{}, quiet_{};
    std::size_t busiest_ = 0;               // most in service at a time during this window
    std::chrono::nanoseconds baseline_{0};  // 0: not known yet
    clock::time_point decided_{};
};

}  // namespace bulkhead::http
