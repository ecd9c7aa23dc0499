// SPDX-License-Identifier: Apache-2.0
// Lets handlers of a reactor begin, as many of each lane at a time as there are slots. While a lane's jobs
// take microseconds or a few milliseconds, more of them are fetched than can begin at once: they are claimed
// together and wait here for a slot, for a moment, or are given back. Belongs to one reactor; outlives its
// passes.
#pragma once

#include <array>
#include <deque>
#include <memory>

#include "queue/slots.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::queue {

class gate {
public:
    gate(executor where, lane_numbers own) : executor_(std::move(where)), slots_(own), own_(own) {}
    gate(const gate&) = delete;
    gate& operator=(const gate&) = delete;

    /// Of one delivered job, until nothing is left to do of it.
    class pass {
    public:
        ~pass() { gate_.forget(*this); }
        pass(const pass&) = delete;
        pass& operator=(const pass&) = delete;

        /// Waits for a slot. False: it did not get one soon, or the gate is closed.
        awaitable<bool> enter();
        /// The handler has ended: another one may begin, while this one's end is written down.
        void leave() { gate_.leave(*this); }

    private:
        friend class gate;
        pass(gate& of, lane which, bool held)
            : gate_(of), lane_(which), held_(held), bell_(of.executor_), since_(steady_clock::now()) {}

        gate& gate_;
        const lane lane_;
        bool held_;
        bool waits_ = false;
        steady_timer bell_;
        steady_clock::time_point since_;
    };
    using pass_ptr = std::unique_ptr<pass>;

    /// How many jobs may be fetched now, at most `most`; keeps the slots that are free for them until `admit`
    /// has given them away or `end_fetch`. One fetch of a lane at a time.
    [[nodiscard]] unsigned begin_fetch(lane which, unsigned most);
    [[nodiscard]] pass_ptr admit(lane which);
    void end_fetch(lane which);

    /// It is worth a round trip to ask for more now.
    [[nodiscard]] bool wants_more(lane which) const;
    /// More jobs are fetched than can begin: they end so quickly that it is worth to settle many together.
    [[nodiscard]] bool is_ahead(lane which) const { return ahead(which) > 0; }

    /// Nobody enters any more.
    void close();

private:
    struct lane_state {
        unsigned in_flight = 0;  // passes
        unsigned with_slot = 0;  // of these
        unsigned kept = 0;       // slots, by begin_fetch
        unsigned seen = 0;       // runs, up to enough of them
        steady_clock::duration usual{};
        std::deque<pass*> waiting;
    };

    [[nodiscard]] unsigned ahead(lane which) const;
    [[nodiscard]] unsigned limit(lane which) const;
    [[nodiscard]] lane_state& at(lane which) { return lanes_[static_cast<std::size_t>(which)]; }
    [[nodiscard]] const lane_state& at(lane which) const { return lanes_[static_cast<std::size_t>(which)]; }
    void leave(pass& of);
    void forget(pass& of);
    void call_next();

    const executor executor_;
    slots slots_;
    const lane_numbers own_;
    std::array<lane_state, lanes> lanes_;
    bool closed_ = false;
};

}  // namespace bulkhead::queue
