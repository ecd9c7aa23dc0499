// SPDX-License-Identifier: Apache-2.0
// Fetches jobs and runs them, as many at a time as there are slots. For each lane one coroutine goes round
// the places: what has ended is settled and what can begin is fetched in one round trip. Belongs to one
// reactor; destroyed after that has ended, when `idle` or never to run again.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "persistence/redis/waiter.hpp"
#include "queue/dispatch.hpp"
#include "queue/gate.hpp"
#include "queue/job_run.hpp"
#include "queue/slots.hpp"
#include "runtime/asio.hpp"
#include "runtime/backoff.hpp"

namespace bulkhead::queue {

struct runner_settings {
    lane_numbers slots{2, 8, 2};          // of this reactor
    lane_numbers process_slots{2, 8, 2};  // of all reactors together
    std::string owner;                    // of the leases: the process' name, new at every start
    std::chrono::milliseconds lease{15'000};
    std::chrono::milliseconds poll{200};         // a place that was empty is asked again after this …
    std::chrono::milliseconds slow_poll{1'000};  // … or this, while a waiter hears of what comes
    unsigned batch = 64;                         // deliveries in one round trip
    std::chrono::milliseconds watch{250};        // how often the time limits of runs are looked at
    std::chrono::milliseconds report{5'000};     // how often progress is written to the database
};

/// A run, for people.
struct running_job {
    uuid id;
    std::string kind;
    lane of = lane::normal;
    std::string tenant;  // slug; empty: not known yet
    unsigned attempt = 1;
    std::chrono::milliseconds age{};
    run_progress progress;
    stop_reason stop = stop_reason::none;
    bool abandoned = false;
};

class runner {
public:
    /// `desk` and `from` must outlive it. `on_more` hears of tenants of which more waits in their database
    /// than in Redis.
    runner(executor where, dispatch& from, run_desk& desk, runner_settings settings,
           std::function<void(const uuid& tenant)> on_more = {});
    runner(const runner&) = delete;
    runner& operator=(const runner&) = delete;

    /// While the program is wired: `bells` waits for the keys `bell_keys` of the lane; started and stopped by
    /// its owner. Must outlive this.
    void listen_to(lane which, redis::waiter& bells);

    // All of what follows on the reactor's thread.

    void start();

    /// There may be something in this place, now.
    void wake(place where);
    void wake_all();

    /// Begins nothing any more. What was fetched and has not begun goes back.
    void drain();
    /// Tells the runs to stop, after `drain`: they save what they can, and their jobs go back.
    void ask_to_stop();
    /// Gives back the jobs of those that still run, after `ask_to_stop`.
    void give_up();
    /// Nothing runs and nothing is left to settle. Runs that were given up do not count.
    [[nodiscard]] bool idle() const;
    /// Runs whose handler has not ended, given up or not.
    [[nodiscard]] std::size_t handlers_running() const { return active_.size(); }
    /// No settlement is sent any more.
    void stop();

    [[nodiscard]] std::vector<running_job> report() const;

private:
    using run_ptr = std::shared_ptr<job_run>;
    struct shard_state {
        std::vector<settlement> settled;
        steady_clock::time_point settle_by{};  // these, at the latest
        steady_clock::time_point ask_again{};
    };
    struct lane_state {
        explicit lane_state(executor where) : signal(where), listen(where) {}
        std::vector<shard_state> shards;
        steady_timer signal;
        runtime::backoff pause{std::chrono::milliseconds(100), std::chrono::milliseconds(2'000)};
        std::size_t next = 0;
        bool asking = false;
        redis::waiter* bells = nullptr;
        steady_timer listen;   // of whoever listens to them
        bool waiting = false;  // there is room, and nothing to do
    };

    awaitable<> pump(lane which);
    awaitable<> listen(lane which);
    void hear(lane which, const redis::waiter::popped& bell);
    [[nodiscard]] std::chrono::milliseconds pause_of(const lane_state& of) const;
    awaitable<> wait(lane which);
    awaitable<bool> turn(lane which, unsigned shard);
    awaitable<> serve(run_ptr run);
    awaitable<> give_up_one(run_ptr run);
    awaitable<> watch();
    void begin(delivery what);
    void keep(const place& where, job_run::end ended);
    [[nodiscard]] bool has_work(lane which, const shard_state& in, steady_clock::time_point now) const;
    [[nodiscard]] bool has_work(lane which) const;
    [[nodiscard]] bool has_room(lane which) const { return !desk_.draining && gate_.wants_more(which); }
    [[nodiscard]] lane_state& at(lane which) { return *lanes_[static_cast<std::size_t>(which)]; }

    const executor executor_;
    dispatch& from_;
    run_desk& desk_;
    const runner_settings settings_;
    const std::function<void(const uuid&)> on_more_;
    gate gate_;
    std::array<std::unique_ptr<lane_state>, lanes> lanes_;
    std::unordered_set<run_ptr> active_;
    steady_timer watch_timer_;
    std::size_t giving_up_ = 0;
    bool stopping_ = false;
    bool stopped_ = false;
};

/// What is popped when something can begin in the lane, see key_base.
[[nodiscard]] std::vector<std::string> bell_keys(lane which, unsigned shards);

}  // namespace bulkhead::queue
