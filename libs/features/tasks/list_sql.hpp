// SPDX-License-Identifier: Apache-2.0
// The statement behind a list of tasks: one text per combination of sort, filters and cursor, so that each is
// prepared once and served by its index. Pages are cut by key, not by offset: rows that come or go elsewhere
// in the list neither repeat nor hide others.
#pragma once

#include <string>

#include "base/error.hpp"
#include "features/tasks/model.hpp"
#include "persistence/postgres/parameters.hpp"

namespace bulkhead::tasks {

struct list_statement {
    const std::string& sql;  // lives as long as the thread
    postgres::parameters values;
};

/// The cursor of the page of `query` behind `last`.
[[nodiscard]] std::string cursor_behind(const list_query& query, const task& last);

/// Gives one row more than the page holds when there is a next page. errc::validation_failed for a bad
/// cursor.
result<list_statement> list_tasks_of(const uuid& user, const list_query& query);

}  // namespace bulkhead::tasks
