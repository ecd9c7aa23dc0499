// SPDX-License-Identifier: Apache-2.0
// Jobs as the API shows them.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "base/uuid.hpp"
#include "schema/schema.hpp"

namespace bulkhead::jobs {

enum class state {
    pending,    // to be run as soon as possible
    scheduled,  // to be run later: at run_at
    running,
    succeeded,
    failed,  // for good
    cancelled
};
BOOST_DESCRIBE_ENUM(state, pending, scheduled, running, succeeded, failed, cancelled)

struct job {
    uuid id;
    std::string kind;
    jobs::state state = state::pending;
    std::optional<std::int64_t> progress;  // percent; null: not known
    std::string note;                      // what it is doing
    std::int64_t attempt = 0;              // runs that were begun
    std::int64_t most_attempts = 1;
    std::optional<std::string> error;  // of the latest run that failed
    bool cancel_requested = false;
    std::optional<uuid> user_id;  // on whose behalf; null: the system's
    utc_time run_at;
    utc_time created_at;
    std::optional<utc_time> started_at;
    std::optional<utc_time> finished_at;
};
BOOST_DESCRIBE_STRUCT(job, (),
                      (id, kind, state, progress, note, attempt, most_attempts, error, cancel_requested,
                       user_id, run_at, created_at, started_at, finished_at))

/// A strong entity tag: of all that is shown.
[[nodiscard]] std::string etag_of(const job& of);

struct list_query {
    std::optional<jobs::state> state;
    std::optional<schema::text<1, 64>> kind;
    schema::or_default<schema::integer<1, 100>, 20> limit;
    std::optional<schema::text<1, 2000>> cursor;
};
BOOST_DESCRIBE_STRUCT(list_query, (), (state, kind, limit, cursor))

struct job_page {
    std::vector<job> items;
    std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(job_page, (), (items, next_cursor))

constexpr std::string_view schema_name_of(std::type_identity<list_query>) { return "job_query"; }

}  // namespace bulkhead::jobs
