// SPDX-License-Identifier: Apache-2.0
// The table schema_migrations: what ran in a database, with its text. Blocking; one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "persistence/migrations/migration.hpp"
#include "persistence/postgres/session.hpp"

namespace bulkhead::migrations {

struct history_entry {
    std::int64_t version = 0;
    std::string name;
    std::string checksum;
    std::string applied_at;  // RFC 3339, UTC
};

/// Ascending. Empty when the table does not exist; nothing is created.
outcome<std::vector<history_entry>> read_history(postgres::session& session);

outcome<void> create_history_table(postgres::session& session);

/// One row for `done`; part of the transaction that is open.
outcome<void> record(postgres::session& session, const migration& done, std::chrono::milliseconds duration);

/// Whether the set continues what ran: the same files, none missing, none skipped. Returns how many of the
/// set's migrations ran. failure_kind::mismatch otherwise.
outcome<std::size_t> match_history(const migration_set& set, const std::vector<history_entry>& history);

}  // namespace bulkhead::migrations
