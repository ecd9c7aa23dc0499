// SPDX-License-Identifier: Apache-2.0
// The statement behind a list of jobs, and where a page of it ends. One text per combination of filters, so
// that each is prepared once. Pages are cut by key: the newest first, jobs that come later are on none of the
// pages behind.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "features/jobs/model.hpp"
#include "persistence/postgres/parameters.hpp"

namespace bulkhead::jobs {

/// In the order of the members of `job`, the state as text.
inline constexpr std::string_view job_columns =
    "id, kind, case state when 0 then case when run_at > now() then 'scheduled' else 'pending' end "
    "when 1 then 'running' when 2 then 'succeeded' when 3 then 'failed' else 'cancelled' end, "
    "progress_percent::bigint, progress_note, attempt::bigint, most_attempts::bigint, errors -> -1 ->> "
    "'reason', cancel_requested, "
    "user_id, run_at, created_at, started_at, finished_at";

struct list_statement {
    const std::string& sql;  // lives as long as the thread
    postgres::parameters values;
};

/// Jobs of `user`, or of everybody. Gives one row more than the page holds when there is a next page.
/// errc::validation_failed on /query/cursor for one that was not made for these filters.
result<list_statement> list_jobs(const std::optional<uuid>& user, const list_query& query);

/// The cursor of the page of `query` behind `last`.
[[nodiscard]] std::string cursor_behind(const list_query& query, const job& last);

}  // namespace bulkhead::jobs
