// SPDX-License-Identifier: Apache-2.0
#include "stop_signal.hpp"

#include <signal.h>
#include <unistd.h>

namespace bulkhead::migrator {
namespace {

volatile sig_atomic_t received = 0;

extern "C" void on_stop_signal(int number) {
    if (received != 0) ::_exit(128 + number);
    received = number;
    constexpr char text[] =
        "bulkhead-migrator: stops after what is running now; a second signal ends it at once\n";
    // A write is allowed here (signal-safety(7)); that it fails cannot be told to anybody.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, sizeof text - 1);
}

}  // namespace

void catch_stop_signals() noexcept {
    struct sigaction action {};
    action.sa_handler = on_stop_signal;
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
}

int stop_signal() noexcept { return received; }

}  // namespace bulkhead::migrator
