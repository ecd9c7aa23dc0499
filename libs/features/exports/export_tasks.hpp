// SPDX-License-Identifier: Apache-2.0
// The job behind an export: a user's tasks, as they were at one moment, into one file. All is read in one
// transaction (repeatable read, read only), so that a task which is changed or deleted meanwhile is in the
// file once, as it was; it costs a connection and holds back vacuum while it lasts, which the time limit
// bounds. Memory does not depend on how many tasks there are. Each run writes a file of its own, and the
// transaction that ends the job makes it the export's: whatever dies in between, there is no export or a
// whole one. One for a reactor; see queue/handler.hpp.
#pragma once

#include <chrono>

#include "features/exports/rows.hpp"
#include "queue/handler.hpp"
#include "storage/store.hpp"

namespace bulkhead::exports {

struct export_settings {
    std::chrono::milliseconds kept{std::chrono::days(7)};  // from its end
    int most_kept = 20;                                    // of a user: the oldest go first
};

class export_tasks {
public:
    using payload = export_payload;
    static constexpr queue::kind_rules kind{
        .name = export_tasks_kind,
        .lane = queue::lane::bulk,
        .retry = {.attempts = 5, .first = std::chrono::seconds(5), .most = std::chrono::minutes(10)},
        .time_limit = std::chrono::minutes(10)};

    /// `files` must outlive this object.
    export_tasks(storage::store& files, lines_maker tasks_of, export_settings settings = {});

    awaitable<queue::run_outcome> run(queue::job_context& job, payload what);

private:
    struct written {
        std::int64_t rows = 0;
        std::int64_t bytes = 0;
    };
    awaitable<result<written>> write_file(queue::job_context& job, uuid file, file_format format) const;
    awaitable<result<std::int64_t>> write_lines(queue::job_context& job, lines& from,
                                                storage::object_writer& to) const;
    awaitable<result<bool>> finish(queue::job_context& job, uuid file, file_format format,
                                   written what) const;
    awaitable<> discard(queue::job_context& job, uuid file) const;

    storage::store& files_;
    const lines_maker tasks_of_;
    const export_settings settings_;
};

}  // namespace bulkhead::exports
