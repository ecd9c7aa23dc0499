// SPDX-License-Identifier: Apache-2.0
// A tenant goes to another server, with all its data and sessions, under the same id and with new passwords.
// It is paused (requests get 503 and Retry-After) while its data are copied, and for no longer than wanted: a
// copy that takes more time is undone, and the tenant goes on where it was. Blocking; one thread at a time.
#pragma once

#include <chrono>
#include <string_view>

#include "lifecycle/operation.hpp"

namespace bulkhead::lifecycle {

inline constexpr std::chrono::milliseconds longest_pause_unless_given = std::chrono::seconds(30);

/// Records the work. errc::tenant_unknown; errc::validation_failed on /server for an unknown or unsuitable
/// one and on /max_pause when the data are too many for the pause; errc::conflict for a state that forbids
/// it, the server where the tenant is, and unfinished work.
result<operation> begin_move(site& at, std::string_view slug, std::string_view target_server,
                             std::chrono::milliseconds max_pause = longest_pause_unless_given);

/// Does what begin_move recorded, or what is left of it. See run_saga; from the pause on every failure turns
/// back at once, until the tenant lives at the target; then only the end of its old database is left.
result<operation> continue_move(site& at, const operation& begun);

}  // namespace bulkhead::lifecycle
