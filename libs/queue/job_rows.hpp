// SPDX-License-Identifier: Apache-2.0
// What stands in the columns of the table jobs, and what of it is read. Private to job_store; pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "persistence/postgres/parameters.hpp"
#include "persistence/postgres/result_set.hpp"
#include "queue/job_store.hpp"

namespace bulkhead::queue {

template <class T>
std::int16_t column_of(T value) {
    return static_cast<std::int16_t>(value);
}

/// Nothing for null.
[[nodiscard]] std::optional<std::string> json_text(const json::value& value);

/// As one element of the column errors.
[[nodiscard]] std::string record_of(const job_failure_record& why);

/// id, kind, lane, priority, payload, version, user_id, run_at, unique_key, most_attempts
[[nodiscard]] postgres::parameters values_of(const new_job& what);

/// payload, version, attempt, most_attempts, lost, fence, user_id, checkpoint (empty for none)
[[nodiscard]] claimed_job read_claimed(const postgres::result_set::row& row);

/// id, kind, lane, priority, milliseconds until it is due
[[nodiscard]] ticket read_ticket(const uuid& tenant, const postgres::result_set::row& row);

}  // namespace bulkhead::queue
