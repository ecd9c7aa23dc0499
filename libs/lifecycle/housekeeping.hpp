// SPDX-License-Identifier: Apache-2.0
// What a worker does for all tenants, again and again: it goes on with work that a program left behind,
// begins purges that are due, keeps spare databases in stock and measures storage. On threads of its own,
// since all of it blocks. Any number of workers may run. Must not outlive the office and the metrics.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "lifecycle/office.hpp"
#include "observability/metrics.hpp"
#include "runtime/backoff.hpp"

namespace bulkhead::lifecycle {

struct housekeeping_settings {
    std::size_t spares = 3;
    std::int64_t control_schema = 0;  // nothing is done before the control database is there
    std::size_t movers = 2;           // threads for work that was left behind, which may take hours
    std::chrono::milliseconds pace{1000};
    std::chrono::milliseconds quiet{2000};  // work is left behind when nobody touched it for so long
    std::size_t measured_at_once = 50;
    std::chrono::seconds measured_every{900};
    std::chrono::seconds keep_operations{std::chrono::days(365)};  // from their end
};

class housekeeping {
public:
    housekeeping(office& desks, metrics::registry& metrics, housekeeping_settings settings);
    ~housekeeping();
    housekeeping(const housekeeping&) = delete;
    housekeeping& operator=(const housekeeping&) = delete;

    void start();

    /// Nothing new is begun, work under way ends after its step. Returns at once.
    void ask_to_stop();

    /// Waits for that. False: a step still runs, and neither this nor what it uses may be destroyed; the
    /// process has to end as it is, and the next worker goes on.
    bool stop_within(std::chrono::milliseconds patience);

private:
    struct task {
        std::string_view name;
        std::chrono::milliseconds pace;
        std::function<result<void>(site&)> run;
        metrics::counter* failures;
        metrics::gauge* last_success;
        runtime::backoff pause{std::chrono::seconds(1), std::chrono::seconds(30)};
        std::chrono::steady_clock::time_point due{};
    };

    task make_task(std::string_view name, std::chrono::milliseconds pace,
                   std::function<result<void>(site&)> run);
    void show_finished();
    void keep(std::vector<task> tasks);
    void take_turn(task& one);
    result<bool> is_ready(const site& at);
    result<void> count(const site& at);
    result<void> count_tenants(const site& at);

    office& desks_;
    metrics::registry& metrics_;
    const housekeeping_settings settings_;
    metrics::gauge& unfinished_;
    metrics::gauge& spares_;
    metrics::gauge& behind_;
    std::map<std::string, metrics::gauge*, std::less<>> tenants_;       // by status
    std::map<std::string, std::atomic<double>, std::less<>> finished_;  // by "kind state"
    bool shown_ = false;                                                // of the thread that counts
    std::atomic<bool> ready_ = false;
    std::atomic<bool> stopping_ = false;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t running_ = 0;
    std::vector<std::thread> threads_;
};

}  // namespace bulkhead::lifecycle
