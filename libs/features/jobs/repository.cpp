// SPDX-License-Identifier: Apache-2.0
#include "features/jobs/repository.hpp"

#include <fmt/format.h>

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "features/jobs/list_sql.hpp"
#include "queue/job_store.hpp"
#include "schema/page.hpp"

namespace bulkhead::jobs {
namespace {

constexpr std::size_t etag_bytes = 12;

job read_job(const postgres::result_set::row& row) {
    return {.id = row.get<uuid>(0),
            .kind = row.get<std::string>(1),
            .state = schema::enum_from<state>(row.get<std::string_view>(2)).value(),
            .progress = row.get<std::optional<std::int64_t>>(3),
            .note = row.get<std::string>(4),
            .attempt = row.get<std::int64_t>(5),
            .most_attempts = row.get<std::int64_t>(6),
            .error = row.get<std::optional<std::string>>(7),
            .cancel_requested = row.get<bool>(8),
            .user_id = row.get<std::optional<uuid>>(9),
            .run_at = row.get<utc_time>(10),
            .created_at = row.get<utc_time>(11),
            .started_at = row.get<std::optional<utc_time>>(12),
            .finished_at = row.get<std::optional<utc_time>>(13)};
}

const std::string& find_sql() {
    static const auto sql =
        fmt::format("select {} from jobs where id = $1 and ($2::uuid is null or user_id = $2)", job_columns);
    return sql;
}

}  // namespace

std::string etag_of(const job& of) {
    const auto shown = schema::to_json(of);
    return '"' + to_base64url(sha256(shown).to_string().substr(0, etag_bytes)) + '"';
}

repository::repository(const auth::user_context& caller) : db_(caller.db()) {
    if (!caller.administers()) only_ = caller.id();
}

awaitable<result<job_page>> repository::list(list_query query) const {
    auto made = list_jobs(only_, query);
    if (!made) co_return std::unexpected(std::move(made.error()));
    const auto rows = co_await db_.read(postgres::statement(made->sql), std::move(made->values));
    if (!rows) co_return std::unexpected(rows.error());
    co_return schema::page_of<job_page>(*rows, query.limit->value(), read_job,
                                        [&](const job& last) { return cursor_behind(query, last); });
}

awaitable<result<job>> repository::find(uuid id) const {
    const auto rows = co_await db_.read(postgres::statement(find_sql()), id, only_);
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->empty()) co_return fail(errc::not_found);
    co_return read_job((*rows)[0]);
}

awaitable<result<repository::cancellation>> repository::cancel(uuid id) const {
    const auto cancelled = co_await queue::job_store(db_).cancel(id, only_);
    if (!cancelled) co_return std::unexpected(cancelled.error());
    auto now = co_await find(id);
    if (!now) co_return std::unexpected(std::move(now.error()));
    if (!*cancelled) co_return fail(errc::conflict, "the job has ended");
    if (!(*cancelled)->noted) {
        // The row is the run's until that ends; its worker is told through Redis.
        if (now->finished_at) co_return fail(errc::conflict, "the job has ended");
        now->cancel_requested = true;
    }
    co_return cancellation{
        .now = *std::move(now), .where = (*cancelled)->where, .at_once = (*cancelled)->at_once};
}

}  // namespace bulkhead::jobs
