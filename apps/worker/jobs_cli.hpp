// SPDX-License-Identifier: Apache-2.0
// bulkhead-worker jobs … and enqueue: what operators do at the command line. Blocks; the main thread.
#pragma once

#include <span>
#include <string_view>

namespace bulkhead::worker {

/// The words after the program's name; the exit status, see usage().
int run_command(std::span<const std::string_view> words);

}  // namespace bulkhead::worker
