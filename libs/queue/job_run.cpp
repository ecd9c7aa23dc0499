// SPDX-License-Identifier: Apache-2.0
#include "queue/job_run.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/fail_point.hpp"
#include "base/type_name.hpp"
#include "observability/log.hpp"
#include "queue/run_pauses.hpp"
#include "queue/tenant_access.hpp"

namespace bulkhead::queue {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using verdict = settlement::verdict;

/// How often a handler runs when the database undoes its work for passing reasons.
constexpr int most_rounds = 3;
constexpr milliseconds patience_with_registry{5'000};
/// A run that ends just in time may still commit.
constexpr milliseconds time_to_commit{2'000};
/// A job that nobody here can run waits for a worker of another version.
constexpr milliseconds pause_unknown{30'000};
constexpr milliseconds pause_suspended{30'000};

milliseconds limit_of(const known_handler* handler) {
    return handler ? handler->rules.time_limit : patience_with_rows;
}

}  // namespace

job_run::job_run(run_desk& desk, delivery what, gate::pass_ptr slot)
    : desk_(desk),
      what_(std::move(what)),
      handler_(desk.known.find(what_.kind)),
      began_(steady_clock::now()),
      lease_(std::make_shared<queue::lease>(
          what_.tenant, what_.id, what_.from,
          began_ + limit_of(handler_) + desk.grace + patience_with_registry + patience_with_rows)),
      slot_(std::move(slot)) {
    desk_.leases.add(lease_);
    desk_.counts.on_start(what_.from.lane, what_.waited);
}

job_run::~job_run() { desk_.leases.remove(*lease_); }

awaitable<job_run::end> job_run::perform() {
    const auto self = shared_from_this();
    end ended;
    bool known = false;
    try {
        ended = co_await begin();
        known = true;
    } catch (const std::exception& thrown) {
        // A tenant's tables that are not what they should be: not everybody's trouble, see runner::serve.
        tell_of_exception(type_name(thrown), thrown.what());
    }
    running_ = false;
    // Not before the end is known: until it is settled the job is ours.
    if (abandoned_) co_return std::nullopt;
    if (!known) co_return later(about(pause_unknown), run_end::postponed, "internal error");
    co_return ended;
}

awaitable<job_run::end> job_run::begin() {
    if (!handler_)
        co_return later(about(pause_unknown), run_end::postponed, "no worker here knows this kind");
    if (desk_.draining) co_return settle(verdict::release, run_end::returned);
    auto found = co_await desk_.tenants.by_id(what_.tenant, runtime::deadline::in(patience_with_registry));
    if (!found) {
        if (found.error().code == errc::tenant_unknown) co_return settle(verdict::done, run_end::void_);
        co_return later(about(pause_busy), run_end::postponed, "the tenant cannot be found at present");
    }
    tenant_ = *std::move(found);
    slug_ = tenant_->slug;
    if (tenant_->status != tenancy::tenant_status::active) co_return close_tenant(tenant_->status);
    if (is_kept()) co_return co_await perform_kept();
    co_return co_await perform_light();
}

awaitable<bool> job_run::wait_for_slot() {
    if (!slot_) co_return true;
    const auto since = steady_clock::now();
    const bool got = co_await slot_->enter();
    waited_ = steady_clock::now() - since;
    co_return got;
}

/// Its jobs are kept: in its database, or for a while in Redis.
job_run::end job_run::close_tenant(tenancy::tenant_status status) {
    using enum tenancy::tenant_status;
    if (status == deleted || status == purging) return settle(verdict::done, run_end::void_);
    return later(about(status == suspended ? pause_suspended : pause_busy), run_end::postponed,
                 "the tenant is " + std::string(tenancy::status_name(status)));
}

awaitable<job_run::end> job_run::perform_kept() {
    if (what_.unwanted) {
        // It was to be cancelled while a run held its row, and that run has come to nothing.
        const job_store store(outside(patience_with_rows));
        const auto told = co_await store.cancel(what_.id);
        if (!told) co_return later(about(pause_busy), run_end::postponed, "the tenant's database is away");
    }
    if (what_.lost > most_lost) {
        const auto buried = co_await bury();
        if (buried) co_return *buried;
    }
    auto claim = co_await desk_.ledger->claim(tenant_, what_.id);
    if (!claim) co_return later(about(pause_busy), run_end::postponed, "the tenant's database is away");
    if (!claim->job) co_return unclaimed(*claim);
    fail_point("queue.after-claim");
    job_ = *std::move(claim->job);
    claimed_ = true;
    attempt_ = job_.attempt;
    most_attempts_ = job_.most_attempts;
    if (job_.version > handler_->rules.version) co_return co_await give_back(about(pause_unknown));
    if (desk_.draining) co_return co_await give_back(0ms);
    const bool may_begin = co_await wait_for_slot();
    if (!may_begin) co_return co_await give_back(0ms);
    json::value checkpoint;
    if (!job_.checkpoint.empty()) {
        auto read = parse_json(job_.checkpoint);
        if (read) checkpoint = *std::move(read);
    }
    for (int rounds = 1;; ++rounds) {
        open_scope();
        auto outcome = co_await run_handler(job_.payload, checkpoint);
        running_ = false;
        if (slot_) slot_->leave();  // should it run once more, then without one
        if (abandoned_) co_return std::nullopt;
        auto ended = co_await finish_kept(std::move(outcome), rounds < most_rounds);
        if (ended) co_return *std::move(ended);
    }
}

/// Nobody runs what has taken so many workers down. Nothing: its row says that no handler was at it when they
/// died.
awaitable<std::optional<job_run::end>> job_run::bury() {
    const job_store store(outside(patience_with_rows));
    const auto buried = co_await store.bury(what_.id, "workers died with it");
    if (!buried) co_return later(about(pause_busy), run_end::postponed, "the tenant's database is away");
    if (!*buried) co_return std::nullopt;
    desk_.counts.buried.add();
    log::error(
        "a job is given up: too many workers died with it",
        {{"kind", what_.kind}, {"job", what_.id.to_string()}, {"tenant", slug_}, {"workers", what_.lost}});
    co_return settle(verdict::done, run_end::failed);
}

awaitable<job_run::end> job_run::perform_light() {
    const bool may_begin = co_await wait_for_slot();
    if (!may_begin) co_return settle(verdict::release, run_end::returned);
    attempt_ = what_.attempt;
    most_attempts_ = what_.most_attempts > 0 ? what_.most_attempts : handler_->rules.retry.attempts;
    for (int rounds = 1;; ++rounds) {
        open_scope();
        auto outcome = co_await run_handler(*what_.payload, nullptr);
        running_ = false;
        if (slot_) slot_->leave();
        if (abandoned_) co_return std::nullopt;
        auto ended = co_await finish_light(std::move(outcome), rounds < most_rounds);
        if (ended) co_return *std::move(ended);
    }
}

/// For one more round of the handler; all of them have one time limit.
void job_run::open_scope() {
    if (!time_up_) time_up_ = steady_clock::now() + handler_->rules.time_limit;
    running_ = true;
    std::vector<postgres::query> first;
    if (is_kept()) first.push_back(job_store::hold(what_.id, job_.fence));
    scope_ = std::make_shared<job_scope>(inside(), std::move(first));
}

awaitable<run_outcome> job_run::run_handler(std::string payload, json::value checkpoint) {
    const auto steps = inside();
    job_context context(tenant_, steps.within(scope_), steps, runtime::deadline(*time_up_));
    context.id_ = what_.id;
    context.user_ = job_.user;
    context.attempt_ = attempt_;
    context.last_attempt_ = attempt_ >= most_attempts_;
    context.checkpoint_ = std::move(checkpoint);
    context.control_ = this;
    try {
        auto outcome = co_await handler_->run(context, std::move(payload));
        co_return outcome;
    } catch (const std::exception& bug) {
        tell_of_exception(type_name(bug), bug.what());
    } catch (...) {
        tell_of_exception("unknown", "");
    }
    co_return try_again("internal error");
}

void job_run::tell_of_exception(std::string type, std::string_view what) {
    desk_.counts.threw.add();
    log::error("a job threw", {{"kind", what_.kind},
                               {"job", what_.id.to_string()},
                               {"tenant", slug_},
                               {"type", type},
                               {"reason", what}});
    if (desk_.report)
        desk_.report({.kind = what_.kind,
                      .tenant = slug_,
                      .id = what_.id,
                      .type = std::move(type),
                      .what = std::string(what)});
}

bool job_run::is_overdue(steady_clock::time_point now) {
    if (abandoned_ || !running_ || now < *time_up_) return false;
    lease_->ask_to_stop(stop_reason::time_up);
    return now >= *time_up_ + desk_.grace;
}

awaitable<job_run::end> job_run::abandon() {
    const auto self = shared_from_this();
    if (std::exchange(abandoned_, true)) co_return std::nullopt;
    // Its effect is undone now, unless a statement is under way, which ends with the run's time.
    if (scope_) scope_->close();
    run_failure why{.reason = "it does not end"};
    // Not as one conditional expression: GCC 12 destroys what is awaited in it twice.
    end ended;
    if (is_kept())
        ended = co_await fail_kept(std::move(why));
    else
        ended = fail_light(std::move(why));
    desk_.leases.remove(*lease_);
    co_return ended;
}

void job_run::progress(unsigned percent, std::string note) {
    if (note.size() > longest_note) note = presentable(note, longest_note);
    lease_->tell({.percent = std::min(percent, 100U), .note = std::move(note)});
}

awaitable<result<>> job_run::save_checkpoint(json::value where) {
    if (!claimed_) co_return fail(errc::internal, "this job has no row");
    if (abandoned_) co_return fail(job_lost, "the run has ended");
    // With the run's effect, once there is one: its transaction holds the row.
    auto db = outside(patience_with_rows);
    if (scope_->entered()) db = db.within(scope_);
    const job_store store(std::move(db));
    const auto saved = co_await store.save_checkpoint(what_.id, job_.fence, where);
    if (!saved) co_return std::unexpected(saved.error());
    if (!*saved) {
        lease_->ask_to_stop(stop_reason::lost);
        co_return fail(job_lost, "the job is another worker's by now");
    }
    co_return result<>{};
}

awaitable<> job_run::save_progress() {
    const auto self = shared_from_this();
    const auto now = lease_->progress();
    const bool news = now.percent != saved_percent_ || now.note != saved_note_;
    if (!claimed_ || abandoned_ || !now.percent || !news || scope_->entered()) co_return;
    saved_percent_ = now.percent;
    saved_note_ = now.note;
    // Best effort: the next one says more.
    const job_store store(outside(patience_with_rows));
    co_await store.save_progress(what_.id, job_.fence, *now.percent, now.note);
}

postgres::database job_run::outside(milliseconds patience) const {
    return tenant_access::open(desk_.tenants, *tenant_, runtime::deadline::in(patience));
}

postgres::database job_run::inside() const {
    return tenant_access::open(desk_.tenants, *tenant_, runtime::deadline(*time_up_ + time_to_commit));
}

}  // namespace bulkhead::queue
