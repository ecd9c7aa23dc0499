// SPDX-License-Identifier: Apache-2.0
// Brings one database to a version. A migration and its row in schema_migrations are one transaction, so a
// killed run leaves either both or neither, and the next run simply continues. Blocking; one thread at a
// time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "persistence/migrations/history.hpp"
#include "persistence/migrations/migration.hpp"
#include "persistence/postgres/session.hpp"

namespace bulkhead::migrations {

/// What a database has run and what it lacks.
struct database_status {
    std::int64_t version = 0;  // 0: none
    std::int64_t head = 0;
    std::vector<history_entry> applied;
    std::vector<std::int64_t> pending;
};

/// Changes nothing. failure_kind::mismatch when the history and the set do not belong together.
outcome<database_status> status(postgres::session& session, const migration_set& set);

struct applied_migration {
    std::int64_t number = 0;
    std::string name;
    std::chrono::milliseconds duration{0};
};

struct apply_options {
    std::optional<std::int64_t> to{};  // the last migration to run; absent: all of them
    bool dry_run = false;              // report what would run
    std::chrono::milliseconds lock_wait = std::chrono::seconds(60);  // for another run of this program
    std::chrono::milliseconds lock_timeout =
        std::chrono::seconds(2);  // SET LOCAL lock_timeout of each attempt
    unsigned attempts = 10;       // of a migration that meets 55P03 or 40P01, with growing pauses
    std::chrono::milliseconds first_pause = std::chrono::milliseconds(500);
    std::chrono::milliseconds time_limit = std::chrono::hours(4);  // of one statement
    std::function<void(const applied_migration&)> on_applied{};
    std::function<bool()> stop{};  // asked between migrations and while waiting
};

struct apply_report {
    std::int64_t from = 0;
    std::int64_t to = 0;                     // the version now; of a dry run, the version it would be
    std::vector<applied_migration> applied;  // of a dry run: what would be, with no durations
};

/// Runs what is pending, in order. An up-to-date database is not locked and not waited for. A report is only
/// returned when everything asked for was done; what ran before a failure stays.
outcome<apply_report> apply(postgres::session& session, const migration_set& set,
                            const apply_options& options = {});

}  // namespace bulkhead::migrations
