// SPDX-License-Identifier: Apache-2.0
// Jobs in a tenant's database (table jobs, migration 0004): the truth about them. Statements, and what their
// answers mean; who may use which database is decided by whoever hands one in. Belongs to one reactor.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
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
    unsigned lost = 0;  // workers that went away with it
    std::int64_t fence = 0;
    std::optional<uuid> user{};
    std::string checkpoint{};  // JSON; empty: none
};

/// What the row says when it cannot be claimed.
enum class unclaimed : std::uint8_t {
    finished,  // done, failed or cancelled: settle it
    not_yet,   // its time has not come, or somebody is about to end it: settle it as later
    missing,   // no such row: rolled back, or not committed yet
};

/// What `hold`, and every statement behind it in its transaction, fails with when the fence is another one by
/// now. Statements of handlers never do.
inline constexpr errc job_lost = errc::precondition_failed;

/// Bytes of JSON text; the table checks it.
inline constexpr std::size_t longest_checkpoint = 64 * 1024;
inline constexpr std::size_t longest_reason = 2'000;  // bytes; what is longer is cut
inline constexpr std::size_t longest_note = 200;

class job_store {
public:
    explicit job_store(postgres::database db) : db_(std::move(db)) {}

    /// The statement that inserts it, to be part of a transaction of the caller's own. A job whose unique key
    /// an open job has, or whose id is there already, inserts nothing and returns no row; else its id.
    [[nodiscard]] static postgres::query insert(const new_job& what);

    /// Inserts it, at once or in the transaction that the database is in, unless as many of the tenant's jobs
    /// as `most_open` are open.
    struct add_outcome {
        bool over_limit = false;
        std::optional<uuid> holder{};  // the open job that has its unique key, or the job that has its id
    };
    awaitable<result<add_outcome>> add(new_job what, std::optional<std::int64_t> most_open = {}) const;

    /// Takes the job: raises its fence and counts an attempt, unless the attempt before was cut short by the
    /// end of its worker. A job that is to be cancelled is, instead.
    struct claim_outcome {
        std::optional<claimed_job> job{};
        unclaimed why = unclaimed::missing;  // without a job
        std::chrono::milliseconds wait{};    // `not_yet`
    };
    awaitable<result<claim_outcome>> claim(uuid id) const;
    /// The same of several, in one transaction; of each, in order: the job, or nothing, see `why_unclaimed`.
    awaitable<result<std::vector<std::optional<claimed_job>>>> claim_some(std::vector<uuid> all) const;
    /// Of a job that could not be claimed just now. Cancels it, if that was asked for.
    awaitable<result<claim_outcome>> why_unclaimed(uuid id) const;

    /// The statement that fails with `job_lost`, and with it its transaction, unless the job still has this
    /// fence; it also keeps others from claiming until the transaction ends.
    [[nodiscard]] static postgres::query hold(uuid id, std::int64_t fence);
    /// The statement that ends a job as succeeded, behind `hold`.
    [[nodiscard]] static postgres::query succeed(uuid id, std::int64_t fence, const json::value& outcome);

    /// These are false when the fence is another one by now: nothing was written. This one is for a run that
    /// wrote nothing else.
    awaitable<result<bool>> end_succeeded(uuid id, std::int64_t fence, const json::value& outcome) const;
    /// The same of several, in one transaction.
    struct success {
        uuid id;
        std::int64_t fence = 0;
        json::value outcome;
    };
    awaitable<result<std::vector<bool>>> end_some_succeeded(std::vector<success> all) const;
    awaitable<result<bool>> fail_for_good(uuid id, std::int64_t fence, const job_failure_record& why) const;
    /// A job that is to be cancelled ends as that instead.
    awaitable<result<bool>> retry_later(uuid id, std::int64_t fence, std::chrono::milliseconds wait,
                                        const job_failure_record& why) const;
    /// As if it had not been claimed: the attempt does not count.
    awaitable<result<bool>> give_back(uuid id, std::int64_t fence, std::chrono::milliseconds wait) const;
    /// errc::content_too_large beyond longest_checkpoint.
    awaitable<result<bool>> save_checkpoint(uuid id, std::int64_t fence, const json::value& where) const;
    awaitable<result<bool>> save_progress(uuid id, std::int64_t fence, unsigned percent,
                                          std::string note) const;
    awaitable<result<bool>> end_cancelled(uuid id, std::int64_t fence) const;
    /// A job that took its workers down too often, whoever has it. False: it has ended, or was not running:
    /// it was beside them only.
    awaitable<result<bool>> bury(uuid id, std::string reason) const;

    /// Of a job that waits: it is cancelled. Of one that runs: it is asked to end. `of`: only a job of this
    /// user. nullopt: there is no such job that is open. Does not wait for a run that has written something,
    /// and holds the row by that until it ends: the row cannot say then that the job is to be cancelled, only
    /// Redis can.
    struct cancelled_job {
        lane where;
        bool at_once;       // it waited
        bool noted = true;  // false: a run holds the row
    };
    awaitable<result<std::optional<cancelled_job>>> cancel(uuid id, std::optional<uuid> of = {}) const;
    /// A failed or cancelled job once more from its first attempt, under its id, on from its checkpoint.
    /// False: it is no such job, or another one has its unique key by now.
    awaitable<result<bool>> revive(uuid id) const;

    /// Open jobs that should be in Redis by now or within `horizon`, of each lane the first ones.
    /// `running_too`: also those that a worker had claimed.
    struct open_job_list {
        std::vector<ticket> jobs;
        std::array<bool, lanes> more{};  // this lane has others behind these
    };
    awaitable<result<open_job_list>> open_jobs(uuid tenant, std::chrono::milliseconds horizon,
                                               bool running_too, unsigned most_of_a_lane) const;
    /// How long until the first job is due that is not within `horizon`; nullopt: there is none.
    awaitable<result<std::optional<std::chrono::milliseconds>>> next_due(
        std::chrono::milliseconds horizon) const;

private:
    awaitable<result<bool>> change_one(postgres::query what) const;

    postgres::database db_;
};

/// Text of others (a mail server's answer, an exception) as the database takes it: UTF-8 without control
/// characters, at most `bytes` long.
[[nodiscard]] std::string presentable(std::string_view text, std::size_t bytes);

}  // namespace bulkhead::queue
