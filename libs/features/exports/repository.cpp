// SPDX-License-Identifier: Apache-2.0
#include "features/exports/repository.hpp"

#include "queue/job.hpp"

namespace bulkhead::exports {
namespace {

using queue::job_state;
using row = postgres::result_set::row;

/// An export is its job, and once that has succeeded a row of its own: either may have gone before the other.
constexpr std::string_view find_sql =
    "select e.format, e.row_count, e.bytes, e.created_at, e.finished_at, e.expires_at, e.expires_at <= "
    "now(), "
    "j.state, j.payload, j.run_at > now(), j.progress_percent, j.errors -> -1 ->> 'reason', j.created_at, "
    "j.finished_at from (select $1::uuid as id) asked "
    "left join exports e on e.id = asked.id and e.user_id = $2 "
    "left join jobs j on j.id = asked.id and j.user_id = $2 and j.kind = $3";

data_export read_finished(const uuid& id, const row& from) {
    return {.id = id,
            .format = static_cast<file_format>(from.get<std::int16_t>(0)),
            .state = export_state::succeeded,
            .progress = 100,
            .error = {},
            .rows = from.get<std::int64_t>(1),
            .bytes = from.get<std::int64_t>(2),
            .created_at = from.get<utc_time>(3),
            .finished_at = from.get<utc_time>(4),
            .expires_at = from.get<utc_time>(5)};
}

export_state state_of(job_state state, bool later) {
    switch (state) {
        case job_state::waiting: return later ? export_state::scheduled : export_state::pending;
        case job_state::running: return export_state::running;
        case job_state::succeeded: return export_state::succeeded;
        case job_state::failed: return export_state::failed;
        case job_state::cancelled: return export_state::cancelled;
    }
    return export_state::failed;
}

result<data_export> read_job(const uuid& id, const row& from) {
    const auto payload = schema::parse<export_payload>(from.get<std::string_view>(8));
    if (!payload) return fail(errc::internal, "the job of an export has another payload");
    return data_export{
        .id = id,
        .format = payload->format,
        .state = state_of(static_cast<job_state>(from.get<std::int16_t>(7)), from.get<bool>(9)),
        .progress = from.get<std::optional<std::int16_t>>(10).value_or(0),
        .error = from.get<std::optional<std::string>>(11),
        .rows = {},
        .bytes = {},
        .created_at = from.get<utc_time>(12),
        .finished_at = from.get<std::optional<utc_time>>(13),
        .expires_at = {}};
}

}  // namespace

awaitable<result<data_export>> repository::find(uuid id) const {
    const auto rows = co_await db_.read(find_sql, id, user_, export_tasks_kind);
    if (!rows) co_return std::unexpected(rows.error());
    const auto found = (*rows)[0];
    if (const auto expired = found.get<std::optional<bool>>(6)) {
        if (*expired) co_return fail(errc::not_found);
        co_return read_finished(id, found);
    }
    const auto state = found.get<std::optional<std::int16_t>>(7);
    // One that succeeded and has no row of its own has expired, or was replaced by later ones.
    if (!state || static_cast<job_state>(*state) == job_state::succeeded) co_return fail(errc::not_found);
    co_return read_job(id, found);
}

awaitable<result<std::int64_t>> repository::under_way() const {
    const auto rows = co_await db_.read(
        "select count(*) from jobs where user_id = $1 and kind = $2 and lane = $3 and state in (0, 1)", user_,
        export_tasks_kind, static_cast<std::int16_t>(queue::lane::bulk));
    if (!rows) co_return std::unexpected(rows.error());
    co_return (*rows)[0].get<std::int64_t>(0);
}

awaitable<result<repository::finished>> repository::file_of(uuid id) const {
    const auto rows = co_await db_.read(
        "select file, format, created_at from exports where id = $1 and user_id = $2 and expires_at > now()",
        id, user_);
    if (!rows) co_return std::unexpected(rows.error());
    if (!rows->empty())
        co_return finished{.file = (*rows)[0].get<uuid>(0),
                           .format = static_cast<file_format>((*rows)[0].get<std::int16_t>(1)),
                           .created_at = (*rows)[0].get<utc_time>(2)};
    const auto unfinished = co_await find(id);
    if (!unfinished) co_return std::unexpected(unfinished.error());
    co_return fail(errc::conflict,
                   "the export has no content: it is " + std::string(schema::enum_name(unfinished->state)));
}

}  // namespace bulkhead::exports
