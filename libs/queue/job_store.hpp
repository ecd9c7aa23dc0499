// SPDX-License-Identifier: Apache-2.0
// Jobs in a tenant's database (table jobs, migration 0004): the truth about them. Statements, and what their
// answers mean; who may use which database is decided by whoever hands one in. Belongs to one reactor.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "persistence/postgres/database.hpp"
#include "queue/dispatch.hpp"
#include "queue/job.hpp"
#include "queue/outcome.hpp"

namespace bulkhead::queue {

/// A job that this worker may run: nobody with an older fence can end it any more.
struct claimed_job {
    std::string payload;  // JSON
    std::int16_t version = 1;
    unsigned attempt = 1;
    unsigned most_attempts = 1;
    std::int64_t fence = 0;
    std::optional<uuid> user{};
    std::string checkpoint{};  // JSON; empty: none
};

/// What the row says when it cannot be claimed.
enum class unclaimed : std::uint8_t {
    finished,  // done, failed or cancelled: settle it
    not_yet,   // its time has not come: settle it as later
    missing,   // no such row: rolled back, or not committed yet
};

class job_store {
public:
    explicit job_store(postgres::database db) : db_(std::move(db)) {}

    /// The statement that inserts it, to be part of a transaction of the caller's own. A job whose unique key
    /// an open job has inserts nothing and returns no row; else its id.
    [[nodiscard]] static postgres::query insert(const new_job& what);

    /// Takes the job: raises its fence and counts an attempt.
    struct claim_outcome {
        std::optional<claimed_job> job{};
        unclaimed why = unclaimed::missing;  // without a job
        std::chrono::milliseconds wait{};    // `not_yet`
    };
    awaitable<result<claim_outcome>> claim(uuid id) const;

    /// The statement that fails, and with it its transaction, unless the job still has this fence; it also
    /// keeps others from claiming until the transaction ends.
    [[nodiscard]] static postgres::query hold(uuid id, std::int64_t fence);
    /// The statement that ends a job as succeeded, behind `hold`.
    [[nodiscard]] static postgres::query succeed(uuid id, std::int64_t fence, const json::value& outcome);

    /// These are false when the fence is another one by now: nothing was written.
    awaitable<result<bool>> fail_for_good(uuid id, std::int64_t fence, const job_failure_record& why) const;
    awaitable<result<bool>> retry_later(uuid id, std::int64_t fence, std::chrono::milliseconds wait,
                                        const job_failure_record& why) const;
    /// As if it had not been claimed: the attempt does not count.
    awaitable<result<bool>> give_back(uuid id, std::int64_t fence, std::chrono::milliseconds wait) const;
    awaitable<result<bool>> save_checkpoint(uuid id, std::int64_t fence, const json::value& where) const;
    awaitable<result<bool>> end_cancelled(uuid id, std::int64_t fence) const;
    /// A job that took its workers down too often, whoever has it.
    awaitable<result<bool>> bury(uuid id, std::string reason) const;

    /// Open jobs that should be in Redis by now or within `horizon`, oldest first; ids behind `after` of the
    /// same run_at order. `running_too`: also those that a worker had claimed.
    awaitable<result<std::vector<ticket>>> open_jobs(uuid tenant, std::chrono::milliseconds horizon,
                                                     bool running_too, unsigned most) const;
    /// When the first open job is due; nullopt: there is none.
    awaitable<result<std::optional<utc_time>>> next_due() const;

private:
    postgres::database db_;
};

}  // namespace bulkhead::queue
