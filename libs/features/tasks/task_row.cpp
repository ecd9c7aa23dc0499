// SPDX-License-Identifier: Apache-2.0
#include "features/tasks/task_row.hpp"

namespace bulkhead::tasks {

task read_task(const postgres::result_set::row& row) {
    return {.id = row.get<uuid>(0),
            .title = row.get<std::string>(1),
            .description = row.get<std::string>(2),
            .completed = row.get<bool>(3),
            .priority = static_cast<priority>(row.get<std::int16_t>(4)),
            .due_at = row.get<std::optional<utc_time>>(5),
            .version = row.get<std::int64_t>(6),
            .created_at = row.get<utc_time>(7),
            .updated_at = row.get<utc_time>(8)};
}

}  // namespace bulkhead::tasks
