// SPDX-License-Identifier: Apache-2.0
// Places at which a test makes the program die as by kill -9, to see what the next one finds. Safe from any
// thread.
#pragma once

#include <string_view>

namespace bulkhead {

/// "name", or "name:3" for the third time it is passed; "" for none. Call once, before threads start.
void arm_fail_point(std::string_view name_and_count);

/// Ends the process with SIGKILL if this one is armed and its time has come.
void fail_point(std::string_view name) noexcept;

}  // namespace bulkhead
