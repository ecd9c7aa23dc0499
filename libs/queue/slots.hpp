// SPDX-License-Identifier: Apache-2.0
// How many jobs of which lane run at a time. Each lane has slots of its own; those that are idle may be
// borrowed, so that no slot is idle while there is work, and no lane waits for another one's long jobs: a
// lane lends half of its slots to less urgent lanes, and all but one to more urgent ones. No I/O; one thread.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "queue/kind.hpp"

namespace bulkhead::queue {

/// One number for each lane, in the order of the enum.
using lane_numbers = std::array<unsigned, lanes>;

/// What is left for the part `index` of `count`: as even as can be, the first ones get the rest.
[[nodiscard]] lane_numbers part_of(const lane_numbers& all, std::size_t index, std::size_t count);

/// The most jobs of the lane that can run at a time, with all that others lend.
[[nodiscard]] unsigned most_of(const lane_numbers& own, lane which);

class slots {
public:
    explicit slots(lane_numbers own) : own_(own) {}

    /// Takes one for a job of the lane: its own, else a borrowed one. False: there is none.
    [[nodiscard]] bool take(lane which);
    /// Takes at most `most`; how many it got.
    [[nodiscard]] unsigned take_up_to(lane which, unsigned most);
    /// One job of the lane has ended: borrowed slots go back first.
    void release(lane which);

    /// `take` would succeed.
    [[nodiscard]] bool has_room(lane which) const { return lender_for(which) < lanes; }

    /// Jobs of the lane that have a slot.
    [[nodiscard]] unsigned running(lane which) const;
    [[nodiscard]] unsigned running() const;

private:
    [[nodiscard]] static std::size_t at(lane which) { return static_cast<std::size_t>(which); }
    [[nodiscard]] unsigned in_use(std::size_t lender) const;
    [[nodiscard]] bool lends(std::size_t lender, std::size_t borrower) const;
    /// `lanes`: nobody.
    [[nodiscard]] std::size_t lender_for(lane which) const;

    lane_numbers own_;
    std::array<lane_numbers, lanes> held_{};  // by a lane (first index), of a lane's slots (second)
};

}  // namespace bulkhead::queue
