// SPDX-License-Identifier: Apache-2.0
#include "persistence/migrations/history.hpp"

#include <fmt/format.h>

namespace bulkhead::migrations {
namespace {

std::unexpected<failure> database_failure(const postgres::session& session) {
    return std::unexpected(failure{failure_kind::failed, session.last_message()});
}

std::unexpected<failure> mismatch(std::string message) {
    return std::unexpected(failure{failure_kind::mismatch, std::move(message)});
}

}  // namespace

outcome<std::vector<history_entry>> read_history(postgres::session& session) {
    const auto exists = session.run("select to_regclass('public.schema_migrations') is not null");
    if (!exists) return database_failure(session);
    std::vector<history_entry> history;
    if (!exists->boolean(0, 0)) return history;
    const auto found = session.run("select version, name, checksum, " + postgres::rfc3339("applied_at") +
                                   " from public.schema_migrations order by version");
    if (!found) return database_failure(session);
    for (std::size_t i = 0; i < found->size(); ++i)
        history.push_back({.version = found->integer(i, 0),
                           .name = std::string(found->text(i, 1)),
                           .checksum = std::string(found->text(i, 2)),
                           .applied_at = std::string(found->text(i, 3))});
    return history;
}

outcome<void> create_history_table(postgres::session& session) {
    const auto created = session.run_script(
        "create table if not exists public.schema_migrations ("
        "version bigint primary key, name text not null, checksum text not null, "
        "applied_at timestamptz not null default now(), duration_ms bigint not null, sql text not null)");
    if (!created) return database_failure(session);
    return {};
}

outcome<void> record(postgres::session& session, const migration& done, std::chrono::milliseconds duration) {
    const auto inserted = session.run(
        "insert into public.schema_migrations (version, name, checksum, duration_ms, sql) values ($1, $2, "
        "$3, $4, $5)",
        {done.number, done.name, done.checksum, static_cast<std::int64_t>(duration.count()), done.up_sql});
    if (!inserted) return database_failure(session);
    return {};
}

outcome<std::size_t> match_history(const migration_set& set, const std::vector<history_entry>& history) {
    for (std::size_t i = 0; i < history.size(); ++i) {
        const auto& ran = history[i];
        if (ran.version > set.head())
            return mismatch(fmt::format("the database ran migration {:04}_{}, which this build does not have",
                                        ran.version, ran.name));
        const auto expected = static_cast<std::int64_t>(i) + 1;
        if (ran.version != expected)
            return mismatch(fmt::format("the database ran {:04}_{} but not {:04}: applied out of order",
                                        ran.version, ran.name, expected));
        const auto& ours = set.migrations[i];
        if (ran.name != ours.name || ran.checksum != ours.checksum)
            return mismatch(fmt::format("{:04}_{} was changed after it ran here on {} (as {:04}_{})",
                                        ours.number, ours.name, ran.applied_at, ran.version, ran.name));
    }
    return history.size();
}

}  // namespace bulkhead::migrations
