// SPDX-License-Identifier: Apache-2.0
#include "persistence/migrations/advisory_lock.hpp"

#include <fmt/format.h>

#include <thread>

#include "runtime/backoff.hpp"

namespace bulkhead::migrations {
namespace {

std::string describe_owner(postgres::session& session, std::int64_t key) {
    const auto owner = session.run(
        "select a.pid, coalesce(nullif(a.application_name, ''), '?'), coalesce(host(a.client_addr), "
        "'local'), "
        "extract(epoch from clock_timestamp() - a.backend_start)::bigint "
        "from pg_locks l join pg_stat_activity a using (pid) "
        "where l.locktype = 'advisory' and l.granted and l.objsubid = 1 "
        "and l.database = (select oid from pg_database where datname = current_database()) "
        "and (l.classid::bigint << 32) | l.objid::bigint = $1::bigint limit 1",
        {key});
    if (!owner || owner->empty()) return "another session";
    return fmt::format("process {} ({}, from {}, connected for {} s)", owner->text(0, 0), owner->text(0, 1),
                       owner->text(0, 2), owner->text(0, 3));
}

}  // namespace

outcome<advisory_lock> advisory_lock::take(postgres::session& session, std::int64_t key,
                                           std::chrono::milliseconds timeout,
                                           const std::function<bool()>& stop) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    runtime::backoff pause(std::chrono::milliseconds(25), std::chrono::seconds(1));
    for (;;) {
        const auto taken = session.run("select pg_try_advisory_lock($1::bigint)", {key});
        if (!taken) return std::unexpected(failure{failure_kind::failed, session.last_message()});
        if (taken->boolean(0, 0)) return advisory_lock(session, key);
        if (stop && stop()) return std::unexpected(failure{failure_kind::cancelled, "asked to stop"});
        if (std::chrono::steady_clock::now() >= deadline)
            return std::unexpected(
                failure{failure_kind::locked, "locked by " + describe_owner(session, key)});
        std::this_thread::sleep_for(pause.next());
    }
}

advisory_lock::~advisory_lock() {
    // When this fails the connection is gone, and the lock with it.
    if (session_) (void)session_->run("select pg_advisory_unlock($1::bigint)", {key_});
}

}  // namespace bulkhead::migrations
