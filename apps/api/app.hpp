// SPDX-License-Identifier: Apache-2.0
// The API program: everything is wired here, top down, and destroyed in reverse.
#pragma once

#include "service/command_line.hpp"

namespace bulkhead::api {

inline constexpr service::program_info program{config::program::api, "bulkhead-api",
                                               "the HTTP API of Bulkhead"};

/// Serves until SIGTERM or SIGINT; the exit status.
int serve(const config::loaded& configuration);

}  // namespace bulkhead::api
