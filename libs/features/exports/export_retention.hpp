// SPDX-License-Identifier: Apache-2.0
// The job that removes what nobody can read any more: exports that have expired, files of runs that were cut
// short and of users who are gone. Repeatable at any point. One for a reactor; see queue/handler.hpp.
#pragma once

#include <chrono>

#include "features/exports/file_ledger.hpp"
#include "queue/handler.hpp"
#include "queue/schedule.hpp"
#include "storage/store.hpp"

namespace bulkhead::exports {

struct retention_payload {};
BOOST_DESCRIBE_STRUCT(retention_payload, (), ())

class export_retention {
public:
    using payload = retention_payload;
    static constexpr queue::kind_rules kind{.name = "export.retention",
                                            .lane = queue::lane::bulk,
                                            .retry = {.attempts = 3, .first = std::chrono::minutes(1)},
                                            .time_limit = std::chrono::minutes(5)};

    /// `files` must outlive this object. `left_alone`: files younger than this may belong to a run that is
    /// under way; longer than such a run may take.
    explicit export_retention(storage::store& files, std::chrono::seconds left_alone = std::chrono::hours(1));

    /// The result counts what was removed: {"exports":2,"files":3}.
    awaitable<queue::run_outcome> run(queue::job_context& job, payload what);

    [[nodiscard]] static queue::schedule hourly();

private:
    awaitable<result<std::int64_t>> remove_files(queue::job_context& job, const file_ledger& ledger) const;

    storage::store& files_;
    const std::chrono::seconds left_alone_;
};

}  // namespace bulkhead::exports
