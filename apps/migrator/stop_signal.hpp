// SPDX-License-Identifier: Apache-2.0
// SIGINT and SIGTERM of a command: the first asks to stop after the migration or step that is running, which
// cannot be interrupted safely half-way; the second ends the process at once, and the server rolls back.
#pragma once

namespace bulkhead::migrator {

/// Installs the handlers; as process 1 of a container there would be none.
void catch_stop_signals() noexcept;

/// The signal that arrived, 0 when none did.
int stop_signal() noexcept;

}  // namespace bulkhead::migrator
