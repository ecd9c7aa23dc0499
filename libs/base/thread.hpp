// SPDX-License-Identifier: Apache-2.0
// What every thread but the main one does first.
#pragma once

#include <string_view>

namespace bulkhead {

/// Blocks all signals on the calling thread, since they belong to the main thread, which waits for them in
/// order; SIGPIPE thereby becomes an error code. Names the thread as the system shows it: at most 15 bytes of
/// `name`.
void prepare_thread(std::string_view name);

}  // namespace bulkhead
