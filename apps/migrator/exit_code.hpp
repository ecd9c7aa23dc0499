// SPDX-License-Identifier: Apache-2.0
// The exit status of every command; scripts and pipelines rely on these numbers. A command that a signal kept
// from its end has 128 and the signal's number: 130, 143.
#pragma once

#include "persistence/migrations/migration.hpp"

namespace bulkhead::migrator {

enum exit_code : int {
    exit_ok = 0,
    exit_failed = 1,
    exit_usage = 2,
    exit_partly_failed = 3,
    exit_pending = 4,
    exit_locked = 5,
    exit_mismatch = 6,
    exit_preflight = 10,      // the doctor found something
    exit_configuration = 78,  // EX_CONFIG of sysexits.h
};

/// The exit status that stands for a failure of a single database.
exit_code code_of(migrations::failure_kind kind) noexcept;

}  // namespace bulkhead::migrator
