// SPDX-License-Identifier: Apache-2.0
// Who may be served now, and who waits or is refused: the gate of one class of requests. As long as queues
// are short or soon gone, who comes first is served first. When for a while everybody has had to wait for
// long, the newest is served first, and only if it is quite new: its client is there still, and what would be
// done for the others would make those behind them late as well. They are told so a while later, since a
// client that is refused at once comes back at once. (Controlled delay: Nichols and Jacobson, ACM Queue 10/5;
// adaptive LIFO: Maurer, ACM Queue 13/8.) No clock and no I/O: times come from outside, verdicts go to a
// callback. Belongs to one reactor.
#pragma once

#include <boost/intrusive/list.hpp>
#include <chrono>
#include <cstddef>
#include <functional>

#include "http/admission_limit.hpp"

namespace bulkhead::http {

enum class admission_verdict {
    admitted,
    full,    // too many wait already, or with too much
    waited,  // others came first for too long
    late,    // its own time is up
};

struct gate_settings {
    limit_settings limit{};
    std::size_t most_waiting = 4096;                 // requests
    std::size_t most_bytes = 32 << 20;               // their bodies together
    std::chrono::milliseconds interval{100};         // long queues for so long: not a burst any more
    std::chrono::milliseconds patience{200};         // how long one waits for a refusal, at least
    std::chrono::milliseconds most_patience{1'000};  // when the work itself is slow
    std::chrono::milliseconds slow{500};  // in service for longer: set aside, it does not count any more
    std::size_t most_slow = 512;          // beyond, it does
};

class admission_gate {
public:
    using clock = std::chrono::steady_clock;

    /// A request at the gate; lives with it, in the frame that waits. Gone, it has left.
    class visitor : public boost::intrusive::list_base_hook<> {
    public:
        visitor() = default;
        ~visitor();
        visitor(const visitor&) = delete;
        visitor& operator=(const visitor&) = delete;

        /// Called once, when a visitor that had to wait is admitted or refused.
        std::move_only_function<void(admission_verdict)> told{};

        /// It has been admitted and has not left yet.
        [[nodiscard]] bool in_service() const noexcept {
            return place_ == place::inside || place_ == place::aside;
        }

    private:
        friend class admission_gate;
        enum class place { outside, waiting, inside, aside };
        admission_gate* gate_ = nullptr;
        place place_ = place::outside;
        std::size_t bytes_ = 0;
        clock::time_point since_{};  // it waits or is in service
        clock::time_point until_{};  // its own deadline, while it waits
    };

    /// What happens next to a visitor that arrives.
    enum class arrival { admitted, waits, full, late };

    explicit admission_gate(const gate_settings& settings);
    ~admission_gate();
    admission_gate(const admission_gate&) = delete;
    admission_gate& operator=(const admission_gate&) = delete;

    /// True: a request with such a body would be refused for sure, so it need not be read.
    [[nodiscard]] bool full(std::size_t bytes) const noexcept;

    /// `bytes`: what it holds in memory while it waits. Nobody waits beyond `until`. `told` is only called
    /// after `waits`.
    arrival arrive(visitor& who, std::size_t bytes, clock::time_point until, clock::time_point now);

    /// It has been served, or its client is gone. `telling`: how long that took says something about how
    /// busy we are; what failed does not, since a refusal may be far quicker than the work.
    void leave(visitor& who, clock::time_point now, bool telling);

    /// To be called every few milliseconds. `lagging`: the reactor is late with everything.
    void tick(clock::time_point now, bool lagging);

    [[nodiscard]] std::size_t in_flight() const noexcept { return inside_.size() + aside_.size(); }
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
    [[nodiscard]] std::size_t limit() const noexcept { return limit_.value(); }
    /// Queues have been long for long: only the newest are served.
    [[nodiscard]] bool congested(clock::time_point now) const noexcept;

private:
    using visitor_list = boost::intrusive::list<visitor>;
    void admit(visitor& who, clock::time_point now);
    void note_crowd(clock::time_point now) noexcept;
    void take_out(visitor& who);
    void hand_over(clock::time_point now);
    void refuse(visitor& who, admission_verdict why);
    void refuse_oldest(clock::time_point now);
    void set_aside(clock::time_point now);
    void watch_pace(clock::time_point now);
    [[nodiscard]] clock::duration patience() const noexcept;

    const gate_settings settings_;
    admission_limit limit_;
    visitor_list waiting_;  // oldest first
    visitor_list inside_;   // in service, oldest first
    visitor_list aside_;    // in service for so long that they wait for something that others do not need
    std::size_t bytes_ = 0;
    clock::time_point crowded_{};  // the last time that more than the least limit were in service
    std::size_t served_ = 0;       // since paced_
    double pace_ = 0;              // served a second, lately
    clock::time_point paced_{};
    clock::time_point calm_{};  // the last time that nobody waited, or who came first not for long
};

}  // namespace bulkhead::http
