// SPDX-License-Identifier: Apache-2.0
// The last words of a program that crashes (SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, an exception that
// nobody caught): a line on stderr with the addresses of its stack and, when there is somewhere to send it, a
// report. The program itself does nothing that could fail in its state: it starts itself anew with
// crash_flag, writes what it knows into that child's stdin, waits for 3 seconds at most and dies of the
// signal it got. Under a sanitizer, which has words of its own, none of this happens.
#pragma once

#include <string>
#include <string_view>

#include "base/secret.hpp"
#include "telemetry/sentry_event.hpp"

namespace bulkhead::telemetry {

/// The argument with which the program is to call send_crash_report() and end with what that returns.
inline constexpr std::string_view crash_flag = "--send-crash-report";

struct crash_settings {
    std::string program{};    // "bulkhead-api"
    bool json_lines = false;  // how the line on stderr is written
    std::string url{};        // where envelopes go; empty: nothing is sent
    secret key{};
    report_origin origin{};
};

/// Once, by the main thread, before it starts others. For stack overflows to be caught, too, a thread needs
/// prepare_thread() of base/thread.hpp.
void catch_crashes(const crash_settings& settings);

/// In the child: reads what the crashed program writes, finds out what stands at its addresses and sends the
/// report. The exit status.
int send_crash_report();

}  // namespace bulkhead::telemetry
