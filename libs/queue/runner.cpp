// SPDX-License-Identifier: Apache-2.0
#include "queue/runner.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <iterator>
#include <utility>

#include "base/fail_point.hpp"
#include "observability/log.hpp"
#include "runtime/or_die.hpp"

namespace bulkhead::queue {
namespace {

/// Settlements in one round trip.
constexpr std::size_t most_settled = 100;
/// While jobs end quickly: so many settlements are worth a round trip, or the oldest of them is so old.
constexpr std::size_t enough_settled = 50;
constexpr std::chrono::milliseconds settled_within{5};
/// Settlements that wait for Redis, of one place; the oldest go first when it is away for long: their leases
/// have run out by then, and rows say how the jobs ended.
constexpr std::size_t most_unsettled = 10'000;

}  // namespace

runner::runner(executor where, dispatch& from, run_desk& desk, runner_settings settings,
               std::function<void(const uuid& tenant)> on_more)
    : executor_(where),
      from_(from),
      desk_(desk),
      settings_(std::move(settings)),
      on_more_(std::move(on_more)),
      gate_(where, settings_.slots),
      watch_timer_(where) {
    for (auto& each : lanes_) {
        each = std::make_unique<lane_state>(where);
        each->shards.resize(from_.shards());
    }
}

void runner::listen_to(lane which, redis::waiter& bells) { at(which).bells = &bells; }

void runner::start() {
    for (std::size_t i = 0; i < lanes; ++i) {
        const auto which = static_cast<lane>(i);
        net::co_spawn(executor_, pump(which), or_die);
        if (at(which).bells) net::co_spawn(executor_, listen(which), or_die);
    }
    net::co_spawn(executor_, watch(), or_die);
}

void runner::wake(place where) {
    auto& of = at(where.lane);
    of.shards[where.shard].ask_again = {};
    of.signal.cancel();
}

void runner::wake_all() {
    for (auto& each : lanes_) {
        for (auto& in : each->shards) in.ask_again = {};
        each->signal.cancel();
    }
}

void runner::drain() {
    desk_.draining = true;
    gate_.close();
    wake_all();
}

void runner::ask_to_stop() {
    stopping_ = true;
    for (const auto& run : active_) run->lease().ask_to_stop(stop_reason::shutdown);
}

void runner::give_up() {
    const auto all = active_;
    for (const auto& run : all)
        if (run->running()) net::co_spawn(executor_, give_up_one(run), or_die);
}

bool runner::idle() const {
    const auto runs = [](const run_ptr& run) { return !run->abandoned(); };
    if (giving_up_ > 0 || std::ranges::any_of(active_, runs)) return false;
    return std::ranges::none_of(lanes_, [](const auto& each) {
        const auto waits = [](const shard_state& in) { return !in.settled.empty(); };
        return each->asking || std::ranges::any_of(each->shards, waits);
    });
}

void runner::stop() {
    stopped_ = true;
    wake_all();
    for (auto& each : lanes_) each->listen.cancel();
    watch_timer_.cancel();
}

std::vector<running_job> runner::report() const {
    const auto now = steady_clock::now();
    std::vector<running_job> out;
    out.reserve(active_.size());
    for (const auto& run : active_)
        out.push_back({.id = run->what().id,
                       .kind = run->what().kind,
                       .of = run->what().from.lane,
                       .tenant = run->tenant_slug(),
                       .attempt = run->attempt(),
                       .age = std::chrono::duration_cast<std::chrono::milliseconds>(now - run->began()),
                       .progress = run->lease().progress(),
                       .stop = run->lease().stop(),
                       .abandoned = run->abandoned()});
    return out;
}

bool runner::has_work(lane which, const shard_state& in, steady_clock::time_point now) const {
    if (!in.settled.empty() &&
        (!gate_.is_ahead(which) || in.settled.size() >= enough_settled || in.settle_by <= now))
        return true;
    return has_room(which) && in.ask_again <= now;
}

bool runner::has_work(lane which) const {
    const auto now = steady_clock::now();
    return std::ranges::any_of(lanes_[static_cast<std::size_t>(which)]->shards,
                               [&](const shard_state& in) { return has_work(which, in, now); });
}

awaitable<> runner::pump(lane which) {
    auto& of = at(which);
    while (!stopped_) {
        bool went_well = true;
        bool any = false;
        for (std::size_t i = 0; i < of.shards.size() && went_well && !stopped_; ++i) {
            const auto shard = (of.next + i) % of.shards.size();
            if (!has_work(which, of.shards[shard], steady_clock::now())) continue;
            any = true;
            went_well = co_await turn(which, static_cast<unsigned>(shard));
        }
        // Another one is the first to get the free slots next time.
        of.next = (of.next + 1) % of.shards.size();
        if (went_well && any) {
            of.pause.reset();
            continue;
        }
        if (stopped_) break;
        if (went_well) {
            co_await wait(which);
        } else {
            of.signal.expires_after(of.pause.next());
            co_await of.signal.async_wait(use_tuple);
        }
    }
}

/// Until there is something to do in the lane, or a place is to be asked again.
awaitable<> runner::wait(lane which) {
    auto& of = at(which);
    if (has_work(which)) co_return;
    const bool room = has_room(which);
    auto until = steady_clock::now() + std::chrono::seconds(1);
    for (const auto& in : of.shards) {
        if (room) until = std::min(until, in.ask_again);
        if (!in.settled.empty()) until = std::min(until, in.settle_by);
    }
    of.signal.expires_at(until);
    of.waiting = room;
    if (of.waiting) of.listen.cancel();
    co_await of.signal.async_wait(use_tuple);
    of.waiting = false;
}

/// A bell that is taken is for whoever took it: only while there is room for a job and nothing else to do.
awaitable<> runner::listen(lane which) {
    auto& of = at(which);
    while (!stopped_) {
        if (!of.waiting) {
            of.listen.expires_at(steady_clock::time_point::max());
            co_await of.listen.async_wait(use_tuple);
            continue;
        }
        const auto bell = co_await of.bells->pop(settings_.slow_poll);
        if (bell && *bell) hear(which, **bell);
        if (bell || stopped_) continue;
        // Redis is away; places are asked in turns meanwhile.
        of.listen.expires_after(settings_.slow_poll);
        co_await of.listen.async_wait(use_tuple);
    }
}

void runner::hear(lane which, const redis::waiter::popped& bell) {
    const auto keys = bell_keys(which, from_.shards());
    const auto found = std::ranges::find(keys, bell.key);
    if (found == keys.end()) return;
    auto& of = at(which);
    auto& in = of.shards[static_cast<std::size_t>(found - keys.begin())];
    const auto now = std::chrono::floor<std::chrono::milliseconds>(utc_now()).time_since_epoch().count();
    const auto wait = std::clamp(bell.score - static_cast<double>(now), 0.0,
                                 static_cast<double>(settings_.slow_poll.count()));
    const auto due = steady_clock::now() + std::chrono::milliseconds(static_cast<std::int64_t>(wait));
    in.ask_again = std::min(in.ask_again, due);
    of.signal.cancel();
}

std::chrono::milliseconds runner::pause_of(const lane_state& of) const {
    return of.bells && of.bells->connected() ? settings_.slow_poll : settings_.poll;
}

std::vector<std::string> bell_keys(lane which, unsigned shards) {
    std::vector<std::string> out;
    for (unsigned i = 0; i < shards; ++i) out.push_back(key_base({which, i}) + "wake");
    return out;
}

/// One round trip. False: Redis is away.
awaitable<bool> runner::turn(lane which, unsigned shard) {
    auto& of = at(which);
    auto& in = of.shards[shard];
    const place where{which, shard};
    const auto wanted = desk_.draining ? 0 : gate_.begin_fetch(which, settings_.batch);
    const auto end =
        in.settled.begin() + static_cast<std::ptrdiff_t>(std::min(in.settled.size(), most_settled));
    std::vector<settlement> settled(std::make_move_iterator(in.settled.begin()),
                                    std::make_move_iterator(end));
    in.settled.erase(in.settled.begin(), end);
    const fetch_wish wish{.most = wanted,
                          .lease = settings_.lease,
                          .owner = settings_.owner,
                          .slots = most_of(settings_.process_slots, which)};
    const auto now = steady_clock::now();
    // A wake-up from here on is about what this round trip may not have seen.
    in.ask_again = now + pause_of(of);
    of.asking = true;
    auto done = co_await from_.settle(where, settled, wish);
    of.asking = false;
    if (!done) {
        gate_.end_fetch(which);
        in.settled.insert(in.settled.begin(), std::make_move_iterator(settled.begin()),
                          std::make_move_iterator(settled.end()));
        if (in.settled.size() > most_unsettled)
            in.settled.erase(in.settled.begin(),
                             in.settled.end() - static_cast<std::ptrdiff_t>(most_unsettled));
        in.ask_again = {};
        co_return false;
    }
    if (!done->deliveries.empty()) fail_point("queue.after-fetch");
    desk_.counts.stale.add(done->stale);
    const auto got = static_cast<unsigned>(done->deliveries.size());
    if (wanted > 0 && got == wanted)
        in.ask_again = {};  // there is more
    else if (done->next)
        in.ask_again = std::min(in.ask_again, steady_clock::now() + *done->next);
    for (auto& each : done->deliveries) begin(std::move(each));
    gate_.end_fetch(which);
    if (on_more_)
        for (const auto& tenant : done->want_more) on_more_(tenant);
    co_return true;
}

/// It has its slot, or will wait for one.
void runner::begin(delivery what) {
    const auto which = static_cast<std::size_t>(what.from.lane);
    auto slot = gate_.admit(what.from.lane);
    auto run = std::make_shared<job_run>(desk_, std::move(what), std::move(slot));
    active_.insert(run);
    desk_.counts.running[which]->add(1);
    net::co_spawn(executor_, serve(std::move(run)), or_die);
}

awaitable<> runner::serve(run_ptr run) {
    auto ended = co_await run->perform();
    const auto where = run->what().from;
    active_.erase(run);
    desk_.counts.running[static_cast<std::size_t>(where.lane)]->add(-1);
    run->let_go();
    keep(where, std::move(ended));
}

void runner::keep(const place& where, job_run::end ended) {
    auto& of = at(where.lane);
    auto& in = of.shards[where.shard];
    if (ended) {
        if (in.settled.empty()) {
            in.settle_by = steady_clock::now() + settled_within;
            of.signal.cancel();  // it is to wake by then
        }
        in.settled.push_back(*std::move(ended));
    }
    // Lanes that had no slot may have one now.
    for (std::size_t i = 0; i < lanes; ++i)
        if (const auto which = static_cast<lane>(i); has_work(which)) at(which).signal.cancel();
}

awaitable<> runner::give_up_one(run_ptr run) {
    ++giving_up_;
    auto ended = co_await run->abandon();
    --giving_up_;
    keep(run->what().from, std::move(ended));
}

awaitable<> runner::watch() {
    auto next_report = steady_clock::now() + settings_.report;
    while (!stopped_) {
        watch_timer_.expires_after(settings_.watch);
        co_await watch_timer_.async_wait(use_tuple);
        const auto now = steady_clock::now();
        const bool reports = now >= next_report;
        if (reports) next_report = now + settings_.report;
        const auto all = active_;
        for (const auto& run : all) {
            if (run->is_overdue(now)) {
                desk_.counts.abandoned.add();
                log::error("a job does not end although its time is up",
                           {{"kind", run->what().kind}, {"job", run->what().id.to_string()}});
                net::co_spawn(executor_, give_up_one(run), or_die);
            } else if (reports) {
                net::co_spawn(executor_, run->save_progress(), or_die);
            }
        }
    }
}

}  // namespace bulkhead::queue
