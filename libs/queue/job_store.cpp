// SPDX-License-Identifier: Apache-2.0
#include "queue/job_store.hpp"

#include <algorithm>
#include <numeric>

#include "queue/job_rows.hpp"

namespace bulkhead::queue {
namespace {

using postgres::parameters;
using postgres::query;
using std::chrono::milliseconds;

/// Whoever holds a job's row is about to end it or to give it back.
constexpr milliseconds held_wait{500};
/// Between looks at a row that is to be cancelled and that somebody holds: 140 ms in all.
constexpr milliseconds first_cancel_pause{20};
constexpr milliseconds last_cancel_pause{80};

std::int64_t ms(milliseconds time) { return time.count(); }

static_assert(most_failure_records == 10);
// The latest ten, $3 being the newest.
#define WITH_ERROR \
    "errors = case when jsonb_array_length(errors) >= 10 then errors - 0 else errors end || $3::jsonb"

// Only while the worker that asks still has the job.
#define OF_FENCE " where id = $1 and fence = $2 and state = 1"

#define INSERTED "id, kind, lane, priority, payload, version, user_id, run_at, unique_key, most_attempts"

constexpr std::string_view claim_sql =
    // A row that somebody holds is left alone: waiting for it would keep a connection. What a crash of the
    // database forgets of a claim does no harm, since a job ends only once whatever its fence.
    "update jobs set state = 1, fence = fence + 1, attempt = attempt + case state when 0 then 1 else 0 end, "
    "lost = lost + case state when 0 then 0 else 1 end, started_at = now() "
    "where id = (select id from jobs where id = $1 and state in (0, 1) and run_at <= now() "
    "and not cancel_requested for update skip locked) "
    "returning payload, version, attempt, most_attempts, lost, fence, user_id, coalesce(checkpoint, ''), "
    "set_config('synchronous_commit', 'off', true)";

}  // namespace

query job_store::insert(const new_job& what) {
    return {"insert into jobs (" INSERTED
            ") values ($1, $2, $3, $4, $5, $6, $7, coalesce($8, now()), $9, $10) "
            "on conflict do nothing returning id",
            values_of(what)};
}

awaitable<result<job_store::add_outcome>> job_store::add(new_job what,
                                                         std::optional<std::int64_t> most_open) const {
    const auto db = db_;
    std::vector<query> statements;
    // Where their number is limited, jobs are added one after the other: the lock is held until the insert is
    // committed, and each statement sees what was committed before it began.
    if (most_open)
        statements.push_back({"select pg_advisory_xact_lock(7091022476707062387)", {}});  // "bh__jobs"
    auto values = values_of(what);
    values.add(most_open);
    statements.push_back(
        {"with made as (insert into jobs (" INSERTED
         ") select $1, $2, $3, $4, $5, $6, $7, coalesce($8, now()), "
         "$9, $10 where $11::bigint is null or "
         "(select count(*) from (select from jobs where state in (0, 1) limit $11) open) < $11 "
         "on conflict do nothing returning id) select count(*) from made",
         std::move(values)});
    const auto done = co_await db.write_all(std::move(statements));
    if (!done) co_return std::unexpected(done.error());
    if (done->back()[0].get<std::int64_t>(0) == 1) co_return add_outcome{};
    const auto found =
        co_await db.read("select id from jobs where id = $1 or (unique_key = $2 and state in (0, 1)) limit 1",
                         what.id, what.unique_key);
    if (!found) co_return std::unexpected(found.error());
    if (!found->empty()) co_return add_outcome{.holder = (*found)[0].get<uuid>(0)};
    if (most_open) co_return add_outcome{.over_limit = true};
    // It has ended since.
    co_return fail(errc::conflict, "another job with the same unique key has just ended: try again");
}

awaitable<result<job_store::claim_outcome>> job_store::claim(uuid id) const {
    const auto db = db_;
    const auto taken = co_await db.write(claim_sql, id);
    if (!taken) co_return std::unexpected(taken.error());
    if (!taken->empty()) co_return claim_outcome{.job = read_claimed((*taken)[0])};
    const job_store self(db);
    co_return co_await self.why_unclaimed(id);
}

awaitable<result<std::vector<std::optional<claimed_job>>>> job_store::claim_some(
    std::vector<uuid> all) const {
    const auto db = db_;
    std::vector<query> statements;
    for (const auto& id : all) statements.push_back({claim_sql, parameters::of(id)});
    const auto taken = co_await db.write_all(std::move(statements));
    if (!taken) co_return std::unexpected(taken.error());
    std::vector<std::optional<claimed_job>> out(all.size());
    for (std::size_t i = 0; i < all.size(); ++i)
        if (!(*taken)[i].empty()) out[i] = read_claimed((*taken)[i][0]);
    co_return out;
}

awaitable<result<job_store::claim_outcome>> job_store::why_unclaimed(uuid id) const {
    const auto db = db_;
    const auto rows = co_await db.read(
        "select state, cancel_requested, ceil(extract(epoch from run_at - now()) * 1000)::bigint "
        "from jobs where id = $1",
        id);
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->empty()) co_return claim_outcome{.why = unclaimed::missing};
    const auto row = (*rows)[0];
    if (row.get<std::int16_t>(0) > column_of(job_state::running))
        co_return claim_outcome{.why = unclaimed::finished};
    if (row.get<bool>(1)) {
        const auto ended = co_await db.write(
            "update jobs set state = 4, fence = fence + 1, finished_at = now() "
            "where id = $1 and state in (0, 1) and cancel_requested",
            id);
        if (!ended) co_return std::unexpected(ended.error());
        co_return claim_outcome{.why = unclaimed::finished};
    }
    const auto wait = milliseconds(row.get<std::int64_t>(2));
    co_return claim_outcome{.why = unclaimed::not_yet, .wait = wait.count() > 0 ? wait : held_wait};
}

query job_store::hold(uuid id, std::int64_t fence) {
    return {"select hold_job($1, $2)", parameters::of(id, fence)};
}

query job_store::succeed(uuid id, std::int64_t fence, const json::value& outcome) {
    return {"update jobs set state = 2, result = $3, checkpoint = null, finished_at = now()" OF_FENCE,
            parameters::of(id, fence, json_text(outcome))};
}

awaitable<result<bool>> job_store::change_one(query what) const {
    const auto db = db_;
    const auto done = co_await db.write(what.what, std::move(what.with));
    if (!done) co_return std::unexpected(done.error());
    co_return done->affected() == 1;
}

awaitable<result<bool>> job_store::end_succeeded(uuid id, std::int64_t fence,
                                                 const json::value& outcome) const {
    return change_one(succeed(id, fence, outcome));
}

awaitable<result<std::vector<bool>>> job_store::end_some_succeeded(std::vector<success> all) const {
    const auto db = db_;
    // Always in the same order: two workers that end the same jobs, one of them in vain, do not wait for each
    // other.
    std::vector<std::size_t> order(all.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t i) { return all[i].id; });
    std::vector<query> statements;
    for (const auto i : order) statements.push_back(succeed(all[i].id, all[i].fence, all[i].outcome));
    const auto done = co_await db.write_all(std::move(statements));
    if (!done) co_return std::unexpected(done.error());
    std::vector<bool> out(all.size());
    for (std::size_t at = 0; at < order.size(); ++at) out[order[at]] = (*done)[at].affected() == 1;
    co_return out;
}

awaitable<result<bool>> job_store::fail_for_good(uuid id, std::int64_t fence,
                                                 const job_failure_record& why) const {
    return change_one({"update jobs set state = 3, finished_at = now(), " WITH_ERROR OF_FENCE,
                       parameters::of(id, fence, record_of(why))});
}

awaitable<result<bool>> job_store::retry_later(uuid id, std::int64_t fence, milliseconds wait,
                                               const job_failure_record& why) const {
    return change_one(
        {"update jobs set state = case when cancel_requested then 4 else 0 end, "
         "finished_at = case when cancel_requested then now() end, "
         "run_at = now() + $4 * interval '1 millisecond', " WITH_ERROR OF_FENCE,
         parameters::of(id, fence, record_of(why), ms(wait))});
}

awaitable<result<bool>> job_store::give_back(uuid id, std::int64_t fence, milliseconds wait) const {
    return change_one(
        {"update jobs set state = 0, attempt = greatest(attempt - 1, 0), "
         "run_at = now() + $3 * interval '1 millisecond'" OF_FENCE,
         parameters::of(id, fence, ms(wait))});
}

awaitable<result<bool>> job_store::save_checkpoint(uuid id, std::int64_t fence,
                                                   const json::value& where) const {
    auto text = json_text(where);
    if (text && text->size() > longest_checkpoint)
        co_return fail(errc::content_too_large, "the checkpoint is too long");
    query change{"update jobs set checkpoint = $3" OF_FENCE, parameters::of(id, fence, text)};
    co_return co_await change_one(std::move(change));
}

awaitable<result<bool>> job_store::save_progress(uuid id, std::int64_t fence, unsigned percent,
                                                 std::string note) const {
    return change_one(
        {"update jobs set progress_percent = $3, progress_note = $4" OF_FENCE,
         parameters::of(id, fence, column_of(std::min(percent, 100u)), presentable(note, longest_note))});
}

awaitable<result<bool>> job_store::end_cancelled(uuid id, std::int64_t fence) const {
    return change_one({"update jobs set state = 4, finished_at = now()" OF_FENCE, parameters::of(id, fence)});
}

awaitable<result<bool>> job_store::bury(uuid id, std::string reason) const {
    // $2 is not a fence here: this is for jobs that nobody has any more.
    job_failure_record why{.attempt = 0, .at = utc_now(), .reason = std::move(reason)};
    return change_one(
        {"update jobs set state = 3, fence = fence + 1, finished_at = now(), errors = case when "
         "jsonb_array_length(errors) >= 10 then errors - 0 else errors end || "
         "jsonb_set($2::jsonb, '{attempt}', to_jsonb(attempt)) "
         "where id = $1 and state = 1",
         parameters::of(id, record_of(why))});
}

awaitable<result<std::optional<job_store::cancelled_job>>> job_store::cancel(uuid id,
                                                                             std::optional<uuid> of) const {
    const auto db = db_;
    steady_timer timer(co_await net::this_coro::executor);
    for (auto pause = first_cancel_pause;; pause *= 2) {
        // What a worker has is its to end: only it knows what it has begun outside.
        const auto rows = co_await db.write(
            "update jobs set cancel_requested = true, state = case state when 0 then 4 else 1 end, "
            "finished_at = case state when 0 then now() end "
            "where id = (select id from jobs where id = $1 and ($2::uuid is null or user_id = $2) "
            "and state in (0, 1) for update skip locked) returning lane, state",
            id, of);
        if (!rows) co_return std::unexpected(rows.error());
        if (!rows->empty())
            co_return cancelled_job{
                .where = static_cast<lane>((*rows)[0].get<std::int16_t>(0)),
                .at_once = (*rows)[0].get<std::int16_t>(1) == column_of(job_state::cancelled)};
        const auto held = co_await db.read(
            "select lane from jobs where id = $1 and ($2::uuid is null or user_id = $2) and state in (0, 1)",
            id, of);
        if (!held) co_return std::unexpected(held.error());
        if (held->empty()) co_return std::nullopt;
        // A claim, or somebody who cancels too, holds it for a moment only.
        if (pause > last_cancel_pause)
            co_return cancelled_job{.where = static_cast<lane>((*held)[0].get<std::int16_t>(0)),
                                    .at_once = false,
                                    .noted = false};
        timer.expires_after(pause);
        co_await timer.async_wait(use_tuple);
    }
}

awaitable<result<bool>> job_store::revive(uuid id) const {
    query change{
        "update jobs set state = 0, attempt = 0, lost = 0, run_at = now(), cancel_requested = false, "
        "finished_at = null, fence = fence + 1 where id = $1 and state in (3, 4)",
        parameters::of(id)};
    auto done = co_await change_one(std::move(change));
    if (!done && done.error().code == errc::conflict) co_return false;
    co_return done;
}

awaitable<result<job_store::open_job_list>> job_store::open_jobs(uuid tenant, milliseconds horizon,
                                                                 bool running_too,
                                                                 unsigned most_of_a_lane) const {
    const auto db = db_;
    const auto rows = co_await db.read(
        "select j.id, j.kind, j.lane, j.priority, j.delay from unnest('{0,1,2}'::smallint[]) of_lane, "
        "lateral (select id, kind, lane, priority, run_at, case state when 1 then 0 else "
        "greatest(0, ceil(extract(epoch from run_at - now()) * 1000)) end::bigint as delay "
        "from jobs where lane = of_lane and state in (0, 1) and ($2 or state = 0) "
        "and run_at < now() + $1 * interval '1 millisecond' order by run_at, id limit $3) j "
        "order by j.lane, j.run_at, j.id",
        ms(horizon), running_too, std::int64_t{most_of_a_lane} + 1);
    if (!rows) co_return std::unexpected(rows.error());
    open_job_list out;
    std::array<unsigned, lanes> seen{};
    for (int i = 0; i < rows->size(); ++i) {
        auto one = read_ticket(tenant, (*rows)[i]);
        const auto at = static_cast<std::size_t>(one.lane);
        if (++seen[at] <= most_of_a_lane)
            out.jobs.push_back(std::move(one));
        else
            out.more[at] = true;
    }
    co_return out;
}

awaitable<result<std::optional<milliseconds>>> job_store::next_due(milliseconds horizon) const {
    const auto db = db_;
    const auto rows = co_await db.read(
        "select case when count(*) > 0 then greatest(0, ceil(extract(epoch from min(j.run_at) - now()) * "
        "1000)) "
        "end::bigint "
        "from unnest('{0,1,2}'::smallint[]) of_lane, "
        "lateral (select run_at from jobs where lane = of_lane and state in (0, 1) and state = 0 "
        "and run_at >= now() + $1 * interval '1 millisecond' order by run_at, id limit 1) j",
        ms(horizon));
    if (!rows) co_return std::unexpected(rows.error());
    const auto due = (*rows)[0].get<std::optional<std::int64_t>>(0);
    if (!due) co_return std::nullopt;
    co_return milliseconds(*due);
}

}  // namespace bulkhead::queue
