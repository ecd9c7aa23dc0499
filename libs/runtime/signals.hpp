// SPDX-License-Identifier: Apache-2.0
// Signals of a service, handled on the main thread: SIGTERM and SIGINT ask for a clean stop (the second one
// for an immediate exit with status 1), SIGHUP asks to reload, SIGPIPE is ignored: a closed peer is an error
// code.
#pragma once

#include <signal.h>

#include <functional>

namespace bulkhead::runtime {

/// Call first thing in main, before any thread starts.
void ignore_sigpipe();

class signals {
public:
    signals();

    /// Called on the main thread for every SIGHUP received during `wait`.
    void on_reload(std::function<void()> reload) { reload_ = std::move(reload); }

    /// Blocks until SIGTERM or SIGINT, and returns its number. From then on a second one ends the process at
    /// once with status 1.
    int wait();

private:
    std::function<void()> reload_ = [] {};
};

/// For a wait at the start, when there is nothing to finish yet: while it lives, SIGTERM and SIGINT end the
/// process at once with status 0, instead of waiting for signals::wait. Of the thread that made it.
class nothing_to_finish {
public:
    nothing_to_finish();
    ~nothing_to_finish();
    nothing_to_finish(const nothing_to_finish&) = delete;
    nothing_to_finish& operator=(const nothing_to_finish&) = delete;

private:
    sigset_t mask_;
    struct sigaction terminate_, interrupt_;
};

}  // namespace bulkhead::runtime
