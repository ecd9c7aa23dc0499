// SPDX-License-Identifier: Apache-2.0
#include "features/tasks/routes.hpp"

#include <charconv>

#include "features/tasks/repository.hpp"
#include "http/conditional.hpp"
#include "http/endpoint.hpp"

namespace bulkhead::tasks {
namespace {

using auth::user_context;
using http::path_id;
using http::preconditions;

std::optional<std::int64_t> version_in(std::string_view etag) {
    std::int64_t version = 0;
    if (etag.size() < 3 || etag.front() != '"' || etag.back() != '"') return std::nullopt;
    const auto digits = etag.substr(1, etag.size() - 2);
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
    if (ec != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return version;
}

/// What If-Match asks of the task. The common case, one tag, is checked by the statement itself, without a
/// race; a longer list is matched against the current version first and then pinned to it.
awaitable<result<expected_version>> expectation(const repository& tasks, uuid id,
                                                const preconditions& asked) {
    if (!asked.if_match || asked.match("*")) {
        // "*" in the list, or no header: existing is enough.
        co_return expected_version{};
    }
    if (asked.if_match->size() == 1)
        if (const auto version = version_in(asked.if_match->front())) co_return expected_version{*version};
    const auto current = co_await tasks.find(id);
    if (!current) co_return std::unexpected(current.error());
    if (!asked.match(etag_of(*current))) co_return fail(errc::precondition_failed);
    co_return expected_version{current->version};
}

http::tagged<task> tagged(task value) {
    auto etag = etag_of(value);
    return {std::move(value), std::move(etag)};
}

// GET /api/tasks
awaitable<result<task_page>> list_tasks(user_context& user, http::query<list_query> query) {
    co_return co_await repository(user).list(std::move(query.value));
}

// POST /api/tasks
awaitable<result<http::created<task>>> create_task(user_context& user, http::body<task_input> input) {
    auto made = co_await repository(user).add(std::move(input.value));
    if (!made) co_return std::unexpected(std::move(made.error()));
    const auto location = "/api/tasks/" + made->id.to_string();
    const auto etag = etag_of(*made);
    co_return http::created<task>{std::move(*made), location, etag};
}

// GET /api/tasks/{id}
awaitable<result<http::fresh_or_not_modified<task>>> get_task(user_context& user, path_id id,
                                                              preconditions asked) {
    auto found = co_await repository(user).find(id.value);
    if (!found) co_return std::unexpected(std::move(found.error()));
    auto etag = etag_of(*found);
    co_return http::unless_known(std::move(*found), std::move(etag), asked);
}

// PUT /api/tasks/{id}
awaitable<result<http::tagged<task>>> replace_task(user_context& user, path_id id, preconditions asked,
                                                   http::body<task_input> input) {
    const repository tasks(user);
    const auto expected = co_await expectation(tasks, id.value, asked);
    if (!expected) co_return std::unexpected(expected.error());
    auto changed = co_await tasks.replace(id.value, std::move(input.value), *expected);
    if (!changed) co_return std::unexpected(std::move(changed.error()));
    co_return tagged(std::move(*changed));
}

// PATCH /api/tasks/{id}
awaitable<result<http::tagged<task>>> change_task(user_context& user, path_id id, preconditions asked,
                                                  http::merge_patch<task_patch> patch) {
    const repository tasks(user);
    const auto expected = co_await expectation(tasks, id.value, asked);
    if (!expected) co_return std::unexpected(expected.error());
    auto changed = co_await tasks.change(id.value, std::move(patch.value), *expected);
    if (!changed) co_return std::unexpected(std::move(changed.error()));
    co_return tagged(std::move(*changed));
}

// DELETE /api/tasks/{id}
awaitable<result<http::no_content>> delete_task(user_context& user, path_id id, preconditions asked) {
    const repository tasks(user);
    const auto expected = co_await expectation(tasks, id.value, asked);
    if (!expected) co_return std::unexpected(expected.error());
    if (auto gone = co_await tasks.remove(id.value, *expected); !gone)
        co_return std::unexpected(std::move(gone.error()));
    co_return http::no_content{};
}

}  // namespace

void mount(http::router& routes) {
    constexpr std::string_view tag = "tasks";
    routes.get<list_tasks>("/api/tasks",
                           {.id = "listTasks", .summary = "Your tasks, newest first", .tag = tag});
    routes.post<create_task>("/api/tasks", {.id = "createTask", .summary = "Make a task", .tag = tag});
    routes.get<get_task>("/api/tasks/{id}", {.id = "getTask", .summary = "One task", .tag = tag});
    routes.put<replace_task>("/api/tasks/{id}",
                             {.id = "replaceTask", .summary = "Replace a task", .tag = tag});
    routes.patch<change_task>(
        "/api/tasks/{id}", {.id = "changeTask", .summary = "Change a task (JSON merge patch)", .tag = tag});
    routes.del<delete_task>("/api/tasks/{id}", {.id = "deleteTask", .summary = "Delete a task", .tag = tag});
}

}  // namespace bulkhead::tasks
