// SPDX-License-Identifier: Apache-2.0
// The worker program: everything is wired here, top down, and destroyed in reverse.
#pragma once

#include "service/command_line.hpp"

namespace bulkhead::worker {

inline constexpr service::program_info program{config::program::worker, "bulkhead-worker",
                                               "the background worker of Bulkhead",
                                               "\nFor operators: bulkhead-worker jobs --help\n"};

/// Serves until SIGTERM or SIGINT; the exit status.
int serve(const config::loaded& configuration);

}  // namespace bulkhead::worker
