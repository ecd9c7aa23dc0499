// SPDX-License-Identifier: Apache-2.0
// How runs end: what is written into the job's row, and what Redis is told.
#include <algorithm>
#include <utility>

#include "base/fail_point.hpp"
#include "base/random.hpp"
#include "observability/log.hpp"
#include "queue/job_run.hpp"
#include "queue/run_pauses.hpp"

namespace bulkhead::queue {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using verdict = settlement::verdict;

/// A row may become visible a moment after its ticket: this often, this far apart, it is looked for.
constexpr unsigned most_looks = 4;
constexpr milliseconds pause_missing{1'000};
/// How often a job goes on within its attempt although it was cut short: by the end of its worker, or because
/// something was away. What cuts itself short each time must come to an end.
constexpr unsigned most_cut_short = 10;

/// Nobody can say whether it took effect; its row can, later.
bool is_unknown(const error& why) {
    return why.code == errc::unavailable || why.code == errc::deadline_exceeded;
}

}  // namespace

/// Nothing: the handler is to run again, since the database undid its work for a passing reason.
awaitable<std::optional<job_run::end>> job_run::finish_kept(run_outcome outcome, bool may_repeat) {
    fail_point("queue.before-end");
    auto work = scope_->close();
    const auto refusal = scope_->refusal();
    if (refusal && refusal->code == job_lost) co_return nothing(run_end::lost);
    if (outcome && !work && refusal) outcome = failed_with(*refusal);
    if (!outcome) {
        const bool passing = work && work->passing();
        work.reset();  // undone
        if (passing && may_repeat && !stop_requested()) co_return std::nullopt;
        co_return co_await fail_kept(std::move(outcome.error()));
    }
    result<> done;
    if (work) {
        std::vector<postgres::query> last;
        last.push_back(job_store::succeed(what_.id, job_.fence, *outcome));
        done = co_await work->commit(std::move(last));
        if (!done && work->passing() && may_repeat) co_return std::nullopt;
    } else {
        job_store::success success{.id = what_.id, .fence = job_.fence, .outcome = *outcome};
        const auto ended = co_await desk_.ledger->end_succeeded(tenant_, std::move(success));
        if (ended && !*ended) co_return nothing(run_end::lost);
        if (!ended) done = std::unexpected(ended.error());
    }
    fail_point("queue.after-commit");
    if (done) co_return settle(verdict::done, run_end::succeeded);
    if (done.error().code == job_lost) co_return nothing(run_end::lost);
    if (is_unknown(done.error()) && job_.lost < most_cut_short)
        co_return later(about(pause_busy), run_end::returned, "the end could not be written");
    const auto why = failed_with(done.error());
    co_return co_await fail_kept(why.error());
}

awaitable<std::optional<job_run::end>> job_run::finish_light(run_outcome outcome, bool may_repeat) {
    const auto work = scope_->close();
    const auto refusal = scope_->refusal();
    if (outcome && !work && refusal) outcome = failed_with(*refusal);
    if (outcome && work) {
        const auto done = co_await work->commit();
        if (!done) outcome = failed_with(done.error());
    }
    if (outcome) co_return settle(verdict::done, run_end::succeeded);
    if (work && work->passing() && may_repeat && !stop_requested()) co_return std::nullopt;
    co_return fail_light(std::move(outcome.error()));
}

/// What is kept of a run that was told to stop: not what its handler makes of that.
run_failure job_run::explain(run_failure why) const {
    if (lease_->stop() != stop_reason::time_up) return why;
    why.reason = "it took longer than " + format_duration(handler_->rules.time_limit);
    why.permanent = false;
    return why;
}

awaitable<job_run::end> job_run::fail_kept(run_failure why) {
    const auto stop = lease_->stop();
    if (stop == stop_reason::shutdown || stop == stop_reason::lost) co_return co_await give_back(0ms);
    const job_store store(outside(patience_with_rows));
    if (why.away && stop == stop_reason::none && job_.lost < most_cut_short)
        co_return later(std::max(why.retry_after, about(pause_busy)), run_end::returned, why.reason);
    fail_point("queue.before-failure");
    why = explain(std::move(why));
    const job_failure_record record{.attempt = attempt_, .at = utc_now(), .reason = why.reason};
    const bool for_good = why.permanent || attempt_ >= most_attempts_;
    const auto wait = wait_after(handler_->rules.retry, attempt_, jitter(), why.retry_after);
    result<bool> written;
    if (stop == stop_reason::cancelled)
        written = co_await store.end_cancelled(what_.id, job_.fence);
    else if (for_good)
        written = co_await store.fail_for_good(what_.id, job_.fence, record);
    else
        written = co_await store.retry_later(what_.id, job_.fence, wait, record);
    fail_point("queue.after-failure");
    if (!written) co_return later(about(pause_busy), run_end::returned, "the end could not be written");
    if (!*written) co_return nothing(run_end::lost);
    if (stop == stop_reason::cancelled) co_return settle(verdict::done, run_end::cancelled);
    log::warn("a job failed", {{"kind", what_.kind},
                               {"job", what_.id.to_string()},
                               {"tenant", slug_},
                               {"attempt", attempt_},
                               {"for_good", for_good},
                               {"reason", why.reason}});
    if (for_good) co_return settle(verdict::done, run_end::failed);
    co_return at_its_time(wait, run_end::retried, why.reason);
}

job_run::end job_run::fail_light(run_failure why) {
    const auto stop = lease_->stop();
    if (stop == stop_reason::shutdown || stop == stop_reason::lost)
        return settle(verdict::release, run_end::returned);
    if (stop == stop_reason::cancelled) return settle(verdict::done, run_end::cancelled);
    why = explain(std::move(why));
    if (!why.permanent && attempt_ < most_attempts_)
        return later(wait_after(handler_->rules.retry, attempt_, jitter(), why.retry_after), run_end::retried,
                     why.reason, true);
    auto out = settle(verdict::dead, run_end::failed);
    out.reason = why.reason;
    return out;
}

/// As if it had not begun.
awaitable<job_run::end> job_run::give_back(milliseconds wait) {
    if (!is_kept()) co_return settle(verdict::release, run_end::returned);
    const job_store store(outside(patience_with_rows));
    const auto written = co_await store.give_back(what_.id, job_.fence, wait);
    fail_point("queue.after-return");
    if (!written) co_return later(about(pause_busy), run_end::returned, "the end could not be written");
    if (!*written) co_return nothing(run_end::lost);
    if (wait > 0ms) co_return at_its_time(wait, run_end::returned);
    co_return settle(verdict::release, run_end::returned);
}

job_run::end job_run::unclaimed(const job_store::claim_outcome& why) {
    switch (why.why) {
        case queue::unclaimed::not_yet: return at_its_time(why.wait, run_end::postponed);
        case queue::unclaimed::missing:
            // Counted, so that this comes to an end: the transaction that wrote it may have been undone.
            if (what_.attempt < most_looks)
                return later(about(pause_missing), run_end::postponed, "the job is not in the database",
                             true);
            break;
        case queue::unclaimed::finished: break;
    }
    return settle(verdict::done, run_end::void_);
}

settlement job_run::settle(verdict what, run_end counted) {
    const auto took = steady_clock::now() - began_ - waited_;
    desk_.counts.on_end(what_.kind, counted, took);
    return {.tenant = what_.tenant,
            .id = what_.id,
            .what = what,
            .took = std::chrono::duration_cast<std::chrono::microseconds>(took),
            .ran = time_up_.has_value()};
}

settlement job_run::later(milliseconds delay, run_end counted, std::string reason, bool counts) {
    auto out = settle(verdict::later, counted);
    out.delay = delay;
    out.counts = counts;
    out.reason = std::move(reason);
    return out;
}

job_run::end job_run::at_its_time(milliseconds delay, run_end counted, std::string reason) {
    if (delay > desk_.longest_delay) return settle(verdict::done, counted);
    return later(delay, counted, std::move(reason));
}

job_run::end job_run::nothing(run_end counted) {
    settle(verdict::done, counted);
    return std::nullopt;
}

}  // namespace bulkhead::queue
