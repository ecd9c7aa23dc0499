// SPDX-License-Identifier: Apache-2.0
#include "queue/outbox.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <iterator>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/fail_point.hpp"
#include "observability/log.hpp"
#include "queue/job_store.hpp"
#include "runtime/backoff.hpp"
#include "runtime/or_die.hpp"

namespace bulkhead::queue {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view counter_name = "bulkhead_queue_outbox_total";
constexpr std::string_view counter_help = "Jobs of requests, by what Redis said when it was told of them";

metrics::counter& outcome_counter(metrics::registry& in, std::string_view outcome) {
    return in.add_counter(counter_name, counter_help, metrics::label("outcome", outcome));
}

result<> check(const new_job& what) {
    if (auto good = check_kind_name(what.kind); !good) return good;
    const auto most = what.kept == durability::redis ? longest_redis_payload : longest_payload;
    if (what.payload.size() > most) return fail_field("/payload", "too_long", "the payload is too long");
    if (what.unique_key.size() > longest_unique_key)
        return fail_field("/unique_key", "too_long", "the unique key is too long");
    return {};
}

}  // namespace

ticket ticket_of(const uuid& tenant, const new_job& what) {
    ticket out{
        .tenant = tenant, .id = what.id, .kind = what.kind, .lane = what.lane, .priority = what.priority};
    if (what.run_at)
        out.delay = std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(*what.run_at - utc_now()));
    if (what.kept == durability::redis) {
        out.payload = what.payload;
        out.unique_key = what.unique_key;
        out.most_attempts = what.most_attempts;
    }
    return out;
}

/// Tells Redis, in the background. Lives as long as anything of it is under way.
class outbox::postman : public std::enable_shared_from_this<postman> {
public:
    postman(executor where, redis::redis_client& redis, dispatch& to, metrics::registry& counts,
            outbox_settings settings)
        : executor_(where),
          hints_(redis),
          to_(to),
          settings_(settings),
          told_{&outcome_counter(counts, "queued"), &outcome_counter(counts, "known"),
                &outcome_counter(counts, "not_unique"), &outcome_counter(counts, "full")},
          left_(outcome_counter(counts, "left")),
          unsaid_(counts.add_counter("bulkhead_queue_cancels_unsaid_total",
                                     "Cancellations of running jobs that Redis could not be told of")),
          retry_(where) {}

    void add(ticket what) {
        if (stopped_ || waiting_.size() >= settings_.most_waiting) {
            left_.add();
            return owe(what.tenant);
        }
        waiting_.push_back(std::move(what));
        if (!std::exchange(sending_, true)) net::co_spawn(executor_, send(shared_from_this()), or_die);
    }

    void cancel(const uuid& tenant, lane where, const uuid& id, bool row_waits) {
        if (stopped_ || cancelling_ >= settings_.most_owed) return unsaid_.add();
        ++cancelling_;
        net::co_spawn(executor_, cancel_one(shared_from_this(), tenant, where, id, row_waits), or_die);
    }

    awaitable<> hint_at(uuid tenant) {
        const auto now = steady_clock::now();
        if (const auto last = hinted_.find(tenant); last != hinted_.end() && now < last->second) co_return;
        const auto self = shared_from_this();
        std::vector<hint> one;
        one.push_back({.tenant = tenant, .delay = settings_.hint_due});
        const auto given = co_await hints_.give(std::move(one));
        if (!given) {
            owe(tenant);
            co_return;
        }
        if (hinted_.size() >= settings_.most_owed) hinted_.clear();
        hinted_[tenant] = now + settings_.hint_fresh;
    }

    void stop() {
        if (std::exchange(stopped_, true)) return;
        retry_.cancel();
        if (cancelling_ == 0) return;
        unsaid_.add(cancelling_);
        log::warn("cancellations of jobs could not be told to Redis", {{"jobs", cancelling_}});
    }

private:
    /// `self` keeps everything alive until it returns.
    static awaitable<> send(std::shared_ptr<postman> self) {
        // What else this turn of the loop has for us goes along.
        co_await net::post(self->executor_, use_awaitable);
        while (!self->waiting_.empty() && !self->stopped_) {
            co_await self->send_batch();
        }
        self->sending_ = false;
    }

    awaitable<> send_batch() {
        const auto count = std::min(waiting_.size(), settings_.batch);
        const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
        std::vector<ticket> batch(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
        waiting_.erase(waiting_.begin(), end);
        std::unordered_set<uuid> tenants;
        for (const auto& each : batch) tenants.insert(each.tenant);
        fail_point("outbox.before-push");
        const auto outcomes = co_await to_.push(std::move(batch));
        if (outcomes) {
            for (const auto each : *outcomes) told_[static_cast<std::size_t>(each)]->add();
            co_return;
        }
        left_.add(count);
        for (const auto& each : tenants) owe(each);
    }

    /// Until it is told: where a run holds the row, nobody else knows of it.
    static awaitable<> cancel_one(std::shared_ptr<postman> self, uuid tenant, lane where, uuid id,
                                  bool row_waits) {
        runtime::backoff pause(self->settings_.retry_first, self->settings_.retry_most);
        while (!self->stopped_) {
            const auto told = co_await self->to_.cancel(tenant, where, id, row_waits);
            if (told) break;
            steady_timer timer(self->executor_, pause.next());
            co_await timer.async_wait(use_tuple);
        }
        --self->cancelling_;
    }

    /// Redis is to be told that there is something in this tenant's database as soon as it can be told
    /// anything.
    void owe(const uuid& tenant) {
        hinted_.erase(tenant);
        if (stopped_ || owed_.size() >= settings_.most_owed) return;  // a sweep finds it
        owed_.insert(tenant);
        if (!std::exchange(repaying_, true)) net::co_spawn(executor_, repay(shared_from_this()), or_die);
    }

    static awaitable<> repay(std::shared_ptr<postman> self) {
        runtime::backoff pause(self->settings_.retry_first, self->settings_.retry_most);
        while (!self->owed_.empty() && !self->stopped_) {
            self->retry_.expires_after(pause.next());
            co_await self->retry_.async_wait(use_tuple);
            if (self->stopped_) break;
            const auto owed = std::exchange(self->owed_, {});
            std::vector<hint> all;
            for (const auto& each : owed) all.push_back({.tenant = each});
            const auto given = co_await self->hints_.give(std::move(all));
            if (!given) self->owed_.insert(owed.begin(), owed.end());
        }
        self->repaying_ = false;
    }

    const executor executor_;
    const hints hints_;
    dispatch& to_;
    const outbox_settings settings_;
    const std::array<metrics::counter*, 4> told_;  // by push_outcome
    metrics::counter& left_;
    metrics::counter& unsaid_;
    std::deque<ticket> waiting_;
    std::unordered_map<uuid, steady_clock::time_point> hinted_;  // until when that serves
    std::unordered_set<uuid> owed_;
    steady_timer retry_;
    std::size_t cancelling_ = 0;
    bool sending_ = false;
    bool repaying_ = false;
    bool stopped_ = false;
};

outbox::outbox(executor where, redis::redis_client& redis, dispatch& to, metrics::registry& counts,
               outbox_settings settings)
    : to_(to),
      over_quota_(counts.add_counter("bulkhead_quota_refusals_total",
                                     "Requests refused because of a tenant's limits",
                                     metrics::label("quota", "jobs_in_flight"))),
      postman_(std::make_shared<postman>(where, redis, to, counts, settings)) {}

outbox::~outbox() { postman_->stop(); }

void outbox::stop() { postman_->stop(); }

awaitable<> outbox::hint_at(uuid tenant) { return postman_->hint_at(tenant); }

void outbox::cancel_with(const tenancy::tenant_context& within, lane where, const uuid& id, bool row_waits) {
    auto then = [of = postman_, tenant = within.info().id, where, id, row_waits] {
        of->cancel(tenant, where, id, row_waits);
    };
    within.request().when_effective(std::move(then));
}

void outbox::push_soon(ticket what) { postman_->add(std::move(what)); }

awaitable<result<outbox::added>> outbox::add(const tenancy::tenant_context& within, new_job what) {
    if (auto good = check(what); !good) co_return std::unexpected(std::move(good.error()));
    if (what.kept == durability::redis) co_return co_await push_now(within, std::move(what));
    co_return co_await add_row(within, std::move(what));
}

awaitable<result<outbox::added>> outbox::add_row(const tenancy::tenant_context& within, new_job what) {
    const auto tenant = within.info().id;
    const auto& most = within.info().limits.jobs_in_flight;
    std::optional<std::int64_t> limit;
    if (most) limit = most->value();
    co_await postman_->hint_at(tenant);
    fail_point("outbox.after-hint");
    const auto stored = co_await job_store(within.db()).add(what, limit);
    if (!stored) co_return std::unexpected(stored.error());
    fail_point("outbox.after-insert");
    if (stored->over_limit) {
        over_quota_.add();
        co_return fail(errc::quota_exceeded, "the tenant has as many jobs under way as it may have");
    }
    if (stored->holder) co_return added{.id = *stored->holder, .made = false};
    auto then = [of = postman_, told = ticket_of(tenant, what)]() mutable { of->add(std::move(told)); };
    within.request().when_effective(std::move(then));
    co_return added{.id = what.id};
}

awaitable<result<outbox::added>> outbox::push_now(const tenancy::tenant_context& within, new_job what) {
    std::vector<ticket> one;
    one.push_back(ticket_of(within.info().id, what));
    const auto outcomes = co_await to_.push(std::move(one));
    if (!outcomes) co_return std::unexpected(outcomes.error());
    switch (outcomes->front()) {
        case push_outcome::queued:
        case push_outcome::known: co_return added{.id = what.id};
        case push_outcome::not_unique: co_return fail(errc::conflict, "such a job is under way");
        case push_outcome::full: break;
    }
    error busy{.code = errc::unavailable,
               .detail = "too many jobs of the tenant wait",
               .retry_after = std::chrono::seconds{5}};
    co_return std::unexpected(std::move(busy));
}

}  // namespace bulkhead::queue
