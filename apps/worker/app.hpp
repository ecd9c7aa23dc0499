// SPDX-License-Identifier: Apache-2.0
// The worker program: everything is wired here, top down, and destroyed in reverse.
#pragma once

#include <functional>

#include "queue/handler.hpp"
#include "service/command_line.hpp"

namespace bulkhead::worker {

inline constexpr service::program_info program{config::program::worker, "bulkhead-worker",
                                               "the background worker of Bulkhead",
                                               "\nFor operators: bulkhead-worker jobs --help\n"};

/// Serves until SIGTERM or SIGINT; the exit status.
int serve(const config::loaded& configuration);

/// Kinds of jobs beside the program's own; called for each reactor, and what it adds must outlive them.
using more_kinds = std::function<void(queue::handlers&)>;
/// The same for a program that brings some: the benchmarks' worker.
int serve_with(const config::loaded& configuration, const more_kinds& also);

}  // namespace bulkhead::worker
