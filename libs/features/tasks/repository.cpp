// SPDX-License-Identifier: Apache-2.0
#include "features/tasks/repository.hpp"

#include "events/event_column.hpp"
#include "features/tasks/list_sql.hpp"
#include "features/tasks/task_row.hpp"
#include "schema/page.hpp"

namespace bulkhead::tasks {
namespace {

using events::event;

/// The task as the API shows it, and whose it is.
#define TASK_EVENT_DATA                                                                            \
    "json_build_object('id', id, 'user_id', user_id, 'title', title, 'description', description, " \
    "'completed', completed, 'priority', (array['low', 'medium', 'high'])[priority + 1], "         \
    "'due_at', " EVENT_TIME("due_at") ", 'version', version, 'created_at', " EVENT_TIME(           \
        "created_at") ", 'updated_at', " EVENT_TIME("updated_at") ")"

constexpr int told_column = 9;  // behind TASK_COLUMNS

/// A statement that returns a task, and notes what is to be told of it.
events::told_change telling(std::string_view change, event what) { return {change, what, TASK_EVENT_DATA}; }

std::int16_t column_of(priority p) { return static_cast<std::int16_t>(p); }

}  // namespace

awaitable<result<task_page>> repository::list(list_query query) const {
    auto made = list_tasks_of(user_, query);
    if (!made) co_return std::unexpected(std::move(made.error()));
    const auto rows = co_await db_.read(postgres::statement(made->sql), std::move(made->values));
    if (!rows) co_return std::unexpected(rows.error());
    co_return schema::page_of<task_page>(*rows, query.limit->value(), read_task,
                                         [&](const task& last) { return cursor_behind(query, last); });
}

awaitable<result<task>> repository::find(uuid id) const {
    const auto rows =
        co_await db_.read("select " TASK_COLUMNS " from tasks where id = $1 and user_id = $2", id, user_);
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->empty()) co_return fail(errc::not_found);
    co_return read_task((*rows)[0]);
}

awaitable<result<task>> repository::add(task_input input) const {
    static const auto sql = telling(
        "insert into tasks (id, user_id, title, description, completed, priority, due_at) "
        "values ($1, $2, $3, $4, $5, $6, $7) returning " TASK_COLUMNS,
        event::task_created);
    const auto rows = co_await db_.write(sql.in(tenant_), uuid::generate(), user_, input.title.str(),
                                         input.description.value().str(), input.completed.value(),
                                         column_of(input.priority.value()), input.due_at);
    if (!rows) co_return std::unexpected(rows.error());
    events::tell(tenant_, (*rows)[0], told_column);
    co_return read_task((*rows)[0]);
}

awaitable<result<task>> repository::replace(uuid id, task_input input, expected_version expected) const {
    static const auto sql = telling(
        "update tasks set title = $4, description = $5, completed = $6, priority = $7, due_at = $8, "
        "version = version + 1, updated_at = now() "
        "where id = $1 and user_id = $2 and ($3::bigint is null or version = $3) "
        "returning " TASK_COLUMNS,
        event::task_updated);
    auto rows = co_await db_.write(sql.in(tenant_), id, user_, expected, input.title.str(),
                                   input.description.value().str(), input.completed.value(),
                                   column_of(input.priority.value()), input.due_at);
    co_return co_await changed(std::move(rows), id);
}

awaitable<result<task>> repository::change(uuid id, task_patch patch, expected_version expected) const {
    // Null is the default again; SQL's null means "leave it", except for due_at, whose default is null.
    std::optional<std::string> title, description;
    std::optional<bool> completed;
    std::optional<std::int16_t> importance;
    if (patch.title.given()) title = patch.title.value().str();
    if (patch.description.given()) description = patch.description.value().value_or(description_text{}).str();
    if (patch.completed.given()) completed = patch.completed.value().value_or(false);
    if (patch.priority.given()) importance = column_of(patch.priority.value().value_or(priority::medium));
    static const auto sql = telling(
        "update tasks set title = coalesce($4, title), description = coalesce($5, description), "
        "completed = coalesce($6, completed), priority = coalesce($7, priority), "
        "due_at = case when $8 then $9 else due_at end, version = version + 1, updated_at = now() "
        "where id = $1 and user_id = $2 and ($3::bigint is null or version = $3) "
        "returning " TASK_COLUMNS,
        event::task_updated);
    auto rows = co_await db_.write(sql.in(tenant_), id, user_, expected, title, description, completed,
                                   importance, patch.due_at.given(), patch.due_at.value());
    co_return co_await changed(std::move(rows), id);
}

awaitable<result<>> repository::remove(uuid id, expected_version expected) const {
    static const auto sql = telling(
        "delete from tasks where id = $1 and user_id = $2 and ($3::bigint is null or version = $3) "
        "returning " TASK_COLUMNS,
        event::task_deleted);
    auto rows = co_await db_.write(sql.in(tenant_), id, user_, expected);
    if (auto gone = co_await changed(std::move(rows), id); !gone)
        co_return std::unexpected(std::move(gone.error()));
    co_return result<>{};
}

/// The changed row; when there is none, asks why.
awaitable<result<task>> repository::changed(result<postgres::result_set> rows, uuid id) const {
    if (!rows) co_return std::unexpected(std::move(rows.error()));
    if (!rows->empty()) {
        events::tell(tenant_, (*rows)[0], told_column);
        co_return read_task((*rows)[0]);
    }
    const auto still_there = co_await find(id);
    if (!still_there) co_return std::unexpected(still_there.error());
    co_return fail(errc::precondition_failed,
                   "the task has version " + std::to_string(still_there->version) + " now");
}

}  // namespace bulkhead::tasks
