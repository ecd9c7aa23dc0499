// SPDX-License-Identifier: Apache-2.0
// The scripts of libs/queue/scripts; what they take and give stands in them. Any thread.
#pragma once

#include <cstdint>

#include "persistence/redis/script.hpp"

namespace bulkhead::queue {

enum class dispatch_script : std::uint8_t {
    push,
    turn,
    beat,
    reap,
    cancel,
    set_rules,
    purge,
    count,
    explain,
    check,
};

/// "turn", for logs.
[[nodiscard]] std::string_view script_name(dispatch_script which) noexcept;
[[nodiscard]] const redis::script& script_of(dispatch_script which);

/// One of the others, by the name of its file without its ending.
[[nodiscard]] redis::script script_named(std::string_view name);

}  // namespace bulkhead::queue
