// SPDX-License-Identifier: Apache-2.0
// The gates of one reactor: which requests it serves now, by class, and which it refuses because it has more
// to do than it can. Measures how late the reactor is and drives its gates by that. Used on its reactor's
// thread only; outlives the server that asks it, and is destroyed when the reactor has ended.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>

#include "http/admission_gate.hpp"
#include "http/exchange.hpp"
#include "http/route.hpp"
#include "observability/metrics.hpp"
#include "runtime/loop_lag.hpp"

namespace bulkhead::http {

struct admission_settings {
    std::array<gate_settings, lane_count> gates{};  // in the order of lane_names
    std::chrono::milliseconds lagging{5};           // the reactor is always late by so much: limits shrink

    /// For one reactor; `hashes`: passwords that may be hashed, or wait for that, on its behalf.
    static admission_settings for_reactor(std::size_t hashes);
};

class admission {
    struct lane;

public:
    /// A request's turn: from when it is admitted until it is answered.
    class turn {
    public:
        turn() = default;
        ~turn() { end(false); }
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;
        /// `telling`: see admission_gate::leave.
        void end(bool telling);

    private:
        friend class admission;
        admission_gate::visitor visitor_{};
        lane* lane_ = nullptr;
    };

    /// The registry outlives it.
    admission(executor ex, metrics::registry& registry, const admission_settings& settings);

    /// Begins to measure. Before that nobody who waits is refused.
    void start() { lag_.start(); }
    void stop() { lag_.stop(); }

    /// errc::unavailable when the request would be refused after its body has been read, too.
    result<> expect(const exchange& x);

    /// True: `mine` has begun, or the row has no gate. False: `wait` tells what becomes of it.
    /// errc::unavailable when too many wait, errc::deadline_exceeded when the request's own time is up.
    result<bool> enter(const exchange& x, turn& mine);
    /// Until the turn begins; errors as those of `enter`.
    awaitable<result<>> wait(turn& mine);

    [[nodiscard]] const admission_gate& gate(traffic kind) const noexcept;

private:
    struct lane {
        lane(metrics::registry& registry, std::string_view name, const gate_settings& settings);
        [[nodiscard]] std::unexpected<error> refused(admission_verdict why);

        admission_gate gate;
        metrics::gauge &in_flight, &limit, &waiting;
        std::array<metrics::counter*, 3> shed;  // by verdict, from `full` on
    };
    lane* lane_of(const exchange& x) noexcept;
    void on_lag(steady_clock::time_point now, std::chrono::nanoseconds sustained);

    std::array<lane, lane_count> lanes_;
    const std::chrono::nanoseconds lagging_;
    runtime::loop_lag lag_;
};

/// The class of a row: what it says, else what follows from how it is limited, who may call it and its
/// method.
[[nodiscard]] traffic class_of(const route& row) noexcept;

}  // namespace bulkhead::http
