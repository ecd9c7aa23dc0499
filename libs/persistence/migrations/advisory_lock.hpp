// SPDX-License-Identifier: Apache-2.0
// A session-level advisory lock, held until this object dies or its connection ends. Polled with
// pg_try_advisory_lock: a blocked pg_advisory_lock would hold a snapshot for which a CREATE INDEX
// CONCURRENTLY of the holder waits, which is a deadlock. Must not outlive its session.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

#include "persistence/migrations/migration.hpp"
#include "persistence/postgres/session.hpp"

namespace bulkhead::migrations {

/// The ASCII bytes of "bulkhead". Advisory locks are per database, so one constant serves all of them; in
/// pg_locks it is classid 1651862635, objid 1751474532, objsubid 1.
inline constexpr std::int64_t migration_lock_key = 0x62756c6b68656164;

class advisory_lock {
public:
    /// Tries until `timeout`, or until `stop` says so. failure_kind::locked tells who holds it.
    static outcome<advisory_lock> take(postgres::session& session, std::int64_t key,
                                       std::chrono::milliseconds timeout,
                                       const std::function<bool()>& stop = {});

    advisory_lock(advisory_lock&& other) noexcept
        : session_(std::exchange(other.session_, nullptr)), key_(other.key_) {}
    advisory_lock& operator=(advisory_lock&&) = delete;
    ~advisory_lock();

private:
    advisory_lock(postgres::session& session, std::int64_t key) : session_(&session), key_(key) {}

    postgres::session* session_;
    std::int64_t key_;
};

}  // namespace bulkhead::migrations
