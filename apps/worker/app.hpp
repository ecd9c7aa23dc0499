// SPDX-License-Identifier: Apache-2.0
// The worker program: everything is wired here, top down, and destroyed in reverse.
#pragma once

#include "config/load.hpp"

namespace bulkhead::worker {

/// Serves until SIGTERM or SIGINT; the exit status.
int serve(const config::loaded& configuration);

}  // namespace bulkhead::worker
