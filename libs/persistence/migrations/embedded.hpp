// SPDX-License-Identifier: Apache-2.0
// The migrations this build carries, from libs/persistence/migrations/{control,tenant}. Safe from any thread.
#pragma once

#include <span>

#include "base/embedded_file.hpp"
#include "persistence/migrations/migration.hpp"

namespace bulkhead::migrations {

/// The files as they were at build time, with their `checksums`.
std::span<const embedded_file> control_files() noexcept;
std::span<const embedded_file> tenant_files() noexcept;

/// Loaded and verified. failure_kind::mismatch when a file was changed without its checksum.
inline outcome<migration_set> control_migrations() { return load_migrations("control", control_files()); }
inline outcome<migration_set> tenant_migrations() { return load_migrations("tenant", tenant_files()); }

}  // namespace bulkhead::migrations
