// SPDX-License-Identifier: Apache-2.0
#include "queue/relay.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <utility>

#include "base/fail_point.hpp"
#include "observability/log.hpp"
#include "queue/job_store.hpp"
#include "queue/tenant_access.hpp"
#include "runtime/or_die.hpp"
#include "tenancy/schema_levels.hpp"

namespace bulkhead::queue {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t most_troubled = 10'000;

metrics::counter& look_counter(metrics::registry& in, std::string_view outcome) {
    return in.add_counter("bulkhead_queue_relay_looks_total", "Looks into databases of tenants for jobs",
                          metrics::label("outcome", outcome));
}

metrics::counter& job_counter(metrics::registry& in, std::string_view outcome) {
    return in.add_counter("bulkhead_queue_relay_jobs_total",
                          "Jobs that were found open, by what Redis said when it was told of them",
                          metrics::label("outcome", outcome));
}

metrics::counter& round_counter(metrics::registry& in, std::string_view reason) {
    return in.add_counter("bulkhead_queue_rounds_total", "Rounds over all tenants that this process began",
                          metrics::label("reason", reason));
}

}  // namespace

relay::numbers::numbers(metrics::registry& in)
    : done(look_counter(in, "done")),
      failed(look_counter(in, "failed")),
      skipped(look_counter(in, "skipped")),
      queued(job_counter(in, "queued")),
      known(job_counter(in, "known")),
      full(job_counter(in, "full")),
      data_lost(round_counter(in, "data_lost")),
      due(round_counter(in, "due")),
      late(in.add_gauge("bulkhead_queue_relay_late_seconds", "How late the latest looks were")),
      hints(in.add_gauge("bulkhead_queue_hints", "Tenants that are to be looked at, now or later")) {}

relay::relay(executor where, redis::redis_client& redis, dispatch& to, tenancy::registry& tenants,
             metrics::registry& counts, relay_settings settings)
    : executor_(where),
      hints_(redis),
      to_(to),
      tenants_(tenants),
      numbers_(counts),
      settings_(settings),
      signal_(where),
      pause_(where) {}

void relay::start() {
    net::co_spawn(executor_, serve_hints(), or_die);
    net::co_spawn(executor_, keep_rounds(), or_die);
}

void relay::stop() {
    stopped_ = true;
    signal_.cancel();
    pause_.cancel();
}

void relay::look_at(const uuid& tenant) {
    if (!stopped_) net::co_spawn(executor_, hint_now(tenant), or_die);
}

awaitable<> relay::hint_now(uuid tenant) {
    std::vector<hint> one;
    one.push_back({.tenant = tenant});
    const auto given = co_await hints_.give(std::move(one));
    if (!given) co_return;  // the look that was planned when no more could be taken will find it
    again_ = true;
    signal_.cancel();
}

awaitable<> relay::serve_hints() {
    while (!stopped_) {
        auto wait = settings_.poll;
        again_ = false;
        if (looking_ < settings_.at_once) {
            auto taken = co_await hints_.take(settings_.at_once - looking_, settings_.hidden);
            if (stopped_) co_return;
            if (taken) {
                numbers_.hints.set(static_cast<double>(taken->known));
                if (taken->next) wait = std::min(wait, *taken->next);
                for (auto& each : taken->due) {
                    numbers_.late.set(std::chrono::duration<double>(each.late).count());
                    ++looking_;
                    net::co_spawn(executor_, look(std::move(each)), or_die);
                }
                // A full hand of them: there may be more, as soon as one is done.
                if (looking_ >= settings_.at_once) wait = settings_.poll;
            }
        }
        if (again_) continue;
        signal_.expires_after(wait);
        co_await signal_.async_wait(use_tuple);
    }
}

awaitable<> relay::look(taken_hint what) {
    const auto then = co_await look_or_wait(what);
    // Should this get lost, the hint comes back by itself.
    const auto settled = co_await hints_.settle(std::move(what), then.again, then.looks_done);
    if (!settled) log::debug("a hint was not settled", {{"reason", settled.error().detail}});
    --looking_;
    again_ = true;
    signal_.cancel();
}

/// A tenant whose server hangs would keep the few who look from all others.
awaitable<relay::plan> relay::look_or_wait(taken_hint what) {
    const auto before = troubled_.find(what.tenant);
    if (before != troubled_.end() && before->second.times > 1) {
        const auto left = before->second.until - steady_clock::now();
        if (left > milliseconds{0})
            co_return plan{.again = std::chrono::ceil<milliseconds>(left), .looks_done = what.looks_done};
    }
    result<plan> then = fail(errc::internal);
    try {
        then = co_await visit(what);
    } catch (const std::exception& thrown) {
        // Columns that are not what they should be: that tenant's trouble, not everybody's.
        log::error("looking at a tenant threw",
                   {{"tenant", what.tenant.to_string()}, {"reason", std::string_view(thrown.what())}});
        then = fail(errc::internal, thrown.what());
    }
    if (then) {
        troubled_.erase(what.tenant);
        co_return *then;
    }
    numbers_.failed.add();
    log::debug("a tenant could not be looked at",
               {{"tenant", what.tenant.to_string()}, {"reason", then.error().detail}});
    co_return plan{.again = note_failure(what.tenant), .looks_done = what.looks_done};
}

milliseconds relay::note_failure(const uuid& tenant) {
    if (troubled_.size() >= most_troubled) troubled_.clear();
    auto& of = troubled_[tenant];
    constexpr unsigned most_doubled = 10;
    const auto pause =
        std::min(settings_.hidden * (1U << std::min(of.times, most_doubled)), settings_.failed_most);
    ++of.times;
    of.until = steady_clock::now() + pause;
    return pause;
}

awaitable<result<relay::plan>> relay::visit(taken_hint what) {
    const auto limit = runtime::deadline::in(settings_.look_limit);
    const auto found = co_await tenants_.by_id(what.tenant, limit);
    const bool gone = found ? (*found)->status == tenancy::tenant_status::deleted ||
                                  (*found)->status == tenancy::tenant_status::purging
                            : found.error().code == errc::tenant_unknown;
    if (gone) {
        numbers_.skipped.add();
        const auto purged = co_await to_.purge(what.tenant);
        if (!purged) co_return std::unexpected(purged.error());
        co_return plan{};
    }
    purged_.erase(what.tenant);
    if (!found) co_return std::unexpected(found.error());
    const auto& tenant = **found;
    if (tenant.status != tenancy::tenant_status::active) {
        numbers_.skipped.add();
        const auto soon =
            tenant.status == tenancy::tenant_status::suspended ? settings_.suspended : settings_.hidden;
        co_return plan{.again = soon, .looks_done = what.looks_done};
    }
    if (tenant.schema_version < tenancy::with_jobs) {
        numbers_.skipped.add();
        co_return plan{};
    }
    co_return co_await bring(std::move(what), tenant_access::open(tenants_, tenant, limit));
}

awaitable<result<relay::plan>> relay::bring(taken_hint what, postgres::database db) {
    const auto there = co_await push_open(what.tenant, db);
    if (!there) co_return std::unexpected(there.error());
    fail_point("relay.after-push");
    const auto next = co_await job_store(db).next_due(settings_.horizon);
    if (!next) co_return std::unexpected(next.error());
    numbers_.done.add();
    plan out{.looks_done = std::min(what.looks_done + 1, looks - 1)};
    if (what.looks_done + 1 < looks)
        out.again =
            what.looks_done == 0 ? settings_.second_look : settings_.third_look - settings_.second_look;
    const auto not_later_than = [&out](milliseconds time) {
        out.again = std::min(out.again.value_or(time), time);
    };
    // Whoever makes room there says so; should that be lost, this look finds it.
    if (there->full) not_later_than(settings_.second_look);
    if (there->rest && !there->full) not_later_than(settings_.poll);
    if (*next) not_later_than(**next - settings_.horizon / 2);
    co_return out;
}

/// All that is to be done within the horizon, as far as Redis takes it. Running ones too: Redis may have lost
/// them, and else knows them.
awaitable<result<relay::brought>> relay::push_open(uuid tenant, postgres::database db) {
    brought out;
    for (auto most = settings_.window;; most *= 4) {
        const job_store jobs(db);
        auto open = co_await jobs.open_jobs(tenant, settings_.horizon, true, most);
        if (!open) co_return std::unexpected(open.error());
        if (open->jobs.empty()) co_return out;
        std::vector<lane> of;
        for (const auto& each : open->jobs) of.push_back(each.lane);
        fail_point("relay.before-push");
        const auto outcomes = co_await to_.push(std::move(open->jobs));
        if (!outcomes) co_return std::unexpected(outcomes.error());
        std::array<bool, lanes> full{};
        for (std::size_t i = 0; i < outcomes->size(); ++i) {
            switch ((*outcomes)[i]) {
                case push_outcome::queued: numbers_.queued.add(); break;
                case push_outcome::known:
                case push_outcome::not_unique: numbers_.known.add(); break;
                case push_outcome::full:
                    numbers_.full.add();
                    full[static_cast<std::size_t>(of[i])] = true;
                    break;
            }
        }
        out.rest = false;
        for (std::size_t i = 0; i < lanes; ++i) {
            out.full = out.full || full[i];
            out.rest = out.rest || (open->more[i] && !full[i]);
        }
        if (!out.rest || most * 4 > settings_.most_window || stopped_) co_return out;
    }
}

}  // namespace bulkhead::queue
