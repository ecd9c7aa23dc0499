// SPDX-License-Identifier: Apache-2.0
// How a crash is put into words, in the signal handler: the line for the operator, and what the child process
// that sends the report is told. Only what signal-safety(7) lists is called; what is said lies in static
// memory, so each is said once, by one thread.
#pragma once

#include <cstdint>

#include "telemetry/crash_facts.hpp"
#include "telemetry/signal_text.hpp"

namespace bulkhead::telemetry {

/// What is known before anything goes wrong.
struct last_words {
    bool json_lines = false;
    signal_text<128> program{};
    signal_text<4096> preamble{};                 // what the child must know; empty: there is no child
    std::uintptr_t code_begin = 0, code_end = 0;  // of the program's own file
    signal_text<1024> reason{};                   // of std::terminate
};

/// One line on stderr.
void tell_operator(const last_words& known, const crash_facts& crash) noexcept;

/// What read_crash_report() reads, into a descriptor.
void write_report(int to, const last_words& known, const crash_facts& crash) noexcept;

}  // namespace bulkhead::telemetry
