// SPDX-License-Identifier: Apache-2.0
// Signals of a service, handled on the main thread: SIGTERM and SIGINT ask for a clean stop (the second one
// for an immediate exit with status 1), SIGHUP asks to reload, SIGPIPE is ignored: a closed peer is an error
// code.
#pragma once

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

}  // namespace bulkhead::runtime
