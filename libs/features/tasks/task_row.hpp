// SPDX-License-Identifier: Apache-2.0
// A row of the table tasks, read in one place. Pure.
#pragma once

#include <string_view>

#include "features/tasks/model.hpp"
#include "persistence/postgres/result_set.hpp"

namespace bulkhead::tasks {

#define TASK_COLUMNS "id, title, description, completed, priority, due_at, version, created_at, updated_at"
/// In the order of the members of `task`.
inline constexpr std::string_view task_columns = TASK_COLUMNS;

/// From a row of those columns.
[[nodiscard]] task read_task(const postgres::result_set::row& row);

}  // namespace bulkhead::tasks
