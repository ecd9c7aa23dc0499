// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/sqlstate.hpp"

#include <algorithm>
#include <array>

namespace bulkhead::postgres {
namespace {

using enum retry_policy;

constexpr std::array classes{
    error_class{"08", errc::unavailable, retry_if_idempotent, true, "connection"},
    // "cached plan must not change result type" and a lost prepared statement: refused before anything ran,
    // and a fresh connection prepares anew.
    error_class{"0A000", errc::internal, retry_transaction, true, "feature_not_supported"},
    error_class{"26000", errc::internal, retry_transaction, true, "unknown_statement"},
    error_class{"23503", errc::conflict, none, false, "foreign_key_violation"},
    error_class{"23505", errc::conflict, none, false, "unique_violation"},
    error_class{"23P01", errc::conflict, none, false, "exclusion_violation"},
    // Connected to a standby, or to a primary that was demoted: another connection may find the new one.
    error_class{"25006", errc::unavailable, none, true, "read_only"},
    error_class{"25P03", errc::unavailable, none, true, "idle_in_transaction_timeout"},
    error_class{"25", errc::internal, none, true, "transaction_state"},
    error_class{"28", errc::unavailable, none, true, "login_refused"},
    error_class{"3D000", errc::unavailable, none, true, "no_such_database"},
    error_class{"40001", errc::unavailable, retry_transaction, false, "serialization_failure"},
    error_class{"40P01", errc::unavailable, retry_transaction, false, "deadlock"},
    error_class{"40003", errc::unavailable, retry_if_idempotent, true, "completion_unknown"},
    // The server has it, and we do not know that: what it has under this name cannot be told.
    error_class{"42P05", errc::unavailable, retry_transaction, true, "statement_exists"},
    error_class{"53", errc::unavailable, none, false, "out_of_resources"},
    error_class{"53300", errc::unavailable, none, true, "too_many_connections"},
    error_class{"55000", errc::unavailable, none, false, "not_in_required_state"},
    error_class{"55006", errc::unavailable, none, false, "object_in_use"},
    error_class{"55P03", errc::unavailable, none, false, "lock_not_available"},
    error_class{"57014", errc::deadline_exceeded, none, false, "query_canceled"},
    error_class{"57P01", errc::unavailable, retry_if_idempotent, true, "admin_shutdown"},
    error_class{"57P02", errc::unavailable, retry_if_idempotent, true, "crash_shutdown"},
    error_class{"57P03", errc::unavailable, none, true, "cannot_connect_now"},
    error_class{"57P04", errc::unavailable, none, true, "database_dropped"},
    error_class{"57P05", errc::unavailable, retry_if_idempotent, true, "idle_session_timeout"},
    error_class{"58", errc::unavailable, none, true, "system_error"},
    // Ours, raised by hold_job of the tenants' migration 0004: the job is another worker's by now.
    error_class{"JF001", errc::precondition_failed, none, false, "job_lost"},
    error_class{"XX", errc::internal, none, true, "server_bug"},
};

constexpr error_class other{"", errc::internal, none, false, "other"};

constexpr const error_class* find(std::string_view key) noexcept {
    for (const auto& row : classes)
        if (row.sqlstate == key) return &row;
    return nullptr;
}

}  // namespace

const error_class& classify(std::string_view sqlstate) noexcept {
    if (sqlstate.empty()) sqlstate = "08006";
    if (const auto* row = find(sqlstate)) return *row;
    if (const auto* row = find(sqlstate.substr(0, 2))) return *row;
    return other;
}

error to_error(std::string_view sqlstate) {
    const auto code = classify(sqlstate).code;
    return {.code = code, .retry_after = std::chrono::seconds(code == errc::unavailable ? 1 : 0)};
}

}  // namespace bulkhead::postgres
