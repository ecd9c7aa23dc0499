// SPDX-License-Identifier: Apache-2.0
// What every thread but the main one does first.
#pragma once

#include <string_view>

namespace bulkhead {

/// Blocks all signals on the calling thread, since they belong to the main thread, which waits for them in
/// order; SIGPIPE thereby becomes an error code. Only those that say that this very thread has crashed stay.
/// Names the thread as the system shows it: at most 15 bytes of `name`. Calls give_signal_stack().
void prepare_thread(std::string_view name);

/// Gives the calling thread a second stack, for the handler of a signal that says that the first one is full.
/// Does nothing under a sanitizer, which brings its own.
void give_signal_stack();

}  // namespace bulkhead
