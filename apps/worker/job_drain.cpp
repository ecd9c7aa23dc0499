// SPDX-License-Identifier: Apache-2.0
#include "job_drain.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

#include "observability/log.hpp"

namespace bulkhead::worker {
namespace {

using clock = std::chrono::steady_clock;
using parts_list = std::vector<std::unique_ptr<worker_parts>>;

constexpr std::chrono::milliseconds poll_interval{10};
constexpr std::chrono::milliseconds last_look{50};

void tell(runtime::reactor_group& reactors, const parts_list& parts, void (queue::runner::*what)()) {
    for (std::size_t i = 0; i < parts.size(); ++i)
        reactors[i].post([&runner = parts[i]->runner(), what] { (runner.*what)(); });
}

/// What `question` says on every reactor by `until`; false when one does not answer.
bool all_of(runtime::reactor_group& reactors, const parts_list& parts,
            const std::function<bool(const queue::runner&)>& question, clock::time_point until) {
    for (;;) {
        const auto yes = std::make_shared<std::atomic<std::size_t>>(0);
        const auto answers = std::make_shared<std::atomic<std::size_t>>(0);
        for (std::size_t i = 0; i < parts.size(); ++i)
            reactors[i].post([&runner = parts[i]->runner(), question, yes, answers] {
                if (question(runner)) ++*yes;
                ++*answers;
            });
        while (*answers < parts.size() && clock::now() < until) std::this_thread::sleep_for(poll_interval);
        if (*yes == parts.size()) return true;
        if (clock::now() >= until) return false;
        std::this_thread::sleep_for(poll_interval);
    }
}

}  // namespace

drain_times divide(std::chrono::milliseconds all) {
    using namespace std::chrono_literals;
    drain_times out{};
    out.to_settle = std::min<std::chrono::milliseconds>(2s, all / 6);
    out.to_stop = std::min<std::chrono::milliseconds>(5s, all / 4);
    out.to_finish = all - out.to_settle - out.to_stop;
    return out;
}

void begin_drain(runtime::reactor_group& reactors, const parts_list& parts) {
    tell(reactors, parts, &queue::runner::drain);
}

bool drain_jobs(runtime::reactor_group& reactors, const parts_list& parts, std::chrono::milliseconds timeout,
                const std::function<void()>& on_stop) {
    const auto times = divide(timeout);
    const auto is_idle = [](const queue::runner& one) { return one.idle(); };
    const auto is_over = [](const queue::runner& one) { return one.idle() && one.handlers_running() == 0; };
    auto until = clock::now() + times.to_finish;
    if (all_of(reactors, parts, is_over, until)) return true;
    log::info("asking jobs to stop");
    tell(reactors, parts, &queue::runner::ask_to_stop);
    on_stop();
    until += times.to_stop;
    if (all_of(reactors, parts, is_over, until)) return true;
    log::warn("giving back jobs that do not stop");
    tell(reactors, parts, &queue::runner::give_up);
    until += times.to_settle;
    if (!all_of(reactors, parts, is_idle, until))
        log::warn("some jobs could not be given back: their leases will run out");
    return all_of(reactors, parts, is_over, clock::now() + last_look);
}

}  // namespace bulkhead::worker
