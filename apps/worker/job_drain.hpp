// SPDX-License-Identifier: Apache-2.0
// How the runs of a worker come to an end: nothing new begins, what is under way has time to finish, then it
// is asked to stop, and what does not is given back for others to run. Called on the main thread; no reactor,
// however busy, can hold it up.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "runtime/reactor.hpp"
#include "worker_parts.hpp"

namespace bulkhead::worker {

/// Parts of the time that there is.
struct drain_times {
    std::chrono::milliseconds to_finish;  // before runs are asked to stop
    std::chrono::milliseconds to_stop;    // before they are given up
    std::chrono::milliseconds to_settle;  // before the program ends anyway
};
[[nodiscard]] drain_times divide(std::chrono::milliseconds all);

/// Begins nothing any more; returns at once.
void begin_drain(runtime::reactor_group& reactors, const std::vector<std::unique_ptr<worker_parts>>& parts);

/// `on_stop` is called when runs are asked to stop. True: all runs have ended. False: some handlers have not,
/// and neither they nor what they use may be destroyed: the process has to end as it is.
[[nodiscard]] bool drain_jobs(runtime::reactor_group& reactors,
                              const std::vector<std::unique_ptr<worker_parts>>& parts,
                              std::chrono::milliseconds timeout, const std::function<void()>& on_stop);

}  // namespace bulkhead::worker
