// SPDX-License-Identifier: Apache-2.0
#include "queue/heartbeat.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <future>
#include <unordered_map>
#include <utility>

#include "observability/log.hpp"
#include "queue/run_metrics.hpp"
#include "runtime/or_die.hpp"

namespace bulkhead::queue {
namespace {

using std::chrono::milliseconds;

/// After a beat that failed: a lease is a few beats long.
constexpr milliseconds pause_after_failure{1'000};
/// Jobs in one beat.
constexpr std::size_t most_beaten = 500;

double seconds(milliseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

heartbeat::heartbeat(lease_book& leases, redis::redis_endpoint where, redis::redis_client_options options,
                     metrics::registry& counts, heartbeat_settings settings)
    : leases_(leases),
      settings_(std::move(settings)),
      lost_(counts.add_counter("bulkhead_jobs_leases_lost_total",
                               "Leases of this process that another one may have got while the job ran.")),
      rescued_(counts.add_counter("bulkhead_jobs_rescued_total",
                                  "Jobs that this process took back from workers that were gone.")),
      buried_(buried_counter(counts)),
      missed_(counts.add_counter("bulkhead_jobs_heartbeats_missed_total",
                                 "Rounds of prolonging leases in which Redis did not answer.")),
      home_("heartbeat"),
      redis_(home_.get_executor(), std::move(where), std::move(options)),
      dispatch_(redis_, settings_.shards) {
    for (std::size_t i = 0; i < lanes; ++i) {
        const auto label = metrics::label("lane", lane_name(static_cast<lane>(i)));
        gauges_[i] = {
            &counts.add_gauge("bulkhead_jobs_waiting", "Jobs in Redis that could begin now.", label),
            &counts.add_gauge("bulkhead_jobs_delayed", "Jobs in Redis whose time has not come.", label),
            &counts.add_gauge("bulkhead_jobs_dead", "Jobs without a row that have failed for good.", label),
            &counts.add_gauge("bulkhead_jobs_oldest_waiting_seconds",
                              "How long the job has waited that has waited longest, about.", label)};
    }
}

heartbeat::~heartbeat() { stop(); }

void heartbeat::start() {
    stopped_ = false;
    home_.start();
    home_.post([this] {
        redis_.start();
        net::co_spawn(home_.get_executor(), beat_again_and_again(), or_die);
        net::co_spawn(home_.get_executor(), reap_again_and_again(), or_die);
        net::co_spawn(home_.get_executor(), count_again_and_again(), or_die);
    });
}

void heartbeat::stop() {
    if (std::exchange(stopped_, true)) return;
    std::promise<void> closed;
    home_.post([&] {
        redis_.stop();
        closed.set_value();
    });
    closed.get_future().wait();
    home_.stop();
    home_.join();
}

awaitable<> heartbeat::pause(milliseconds time) {
    steady_timer timer(home_.get_executor());
    timer.expires_after(time);
    co_await timer.async_wait(use_tuple);
}

awaitable<> heartbeat::beat_again_and_again() {
    for (;;) {
        const bool went_well = co_await beat_once();
        if (!went_well) missed_.add();
        if (went_well != !failed_)
            went_well ? log::info("leases are prolonged again") : log::warn("leases cannot be prolonged");
        failed_ = !went_well;
        co_await pause(went_well ? settings_.beat : pause_after_failure);
    }
}

awaitable<bool> heartbeat::beat_once() {
    failed_round_ = false;
    for (auto& [where, held] : leases_.by_place()) {
        for (std::size_t from = 0; from < held.size(); from += most_beaten) {
            const auto end = std::min(from + most_beaten, held.size());
            std::vector<std::shared_ptr<lease>> some(held.begin() + static_cast<std::ptrdiff_t>(from),
                                                     held.begin() + static_cast<std::ptrdiff_t>(end));
            co_await beat_place(where, std::move(some));
        }
    }
    co_return !failed_round_;
}

awaitable<> heartbeat::beat_place(place where, std::vector<std::shared_ptr<lease>> held) {
    std::vector<job_progress> jobs;
    std::unordered_map<uuid, lease*> by_id;
    for (const auto& one : held) {
        auto told = one->progress();
        jobs.push_back({one->tenant(), one->id(), told.percent, std::move(told.note)});
        by_id[one->id()] = one.get();
    }
    const auto news = co_await dispatch_.beat(where, settings_.owner, settings_.lease, std::move(jobs));
    if (!news) {
        failed_round_ = true;
        co_return;
    }
    for (const auto& id : news->lost) {
        const auto it = by_id.find(id);
        // Most have simply ended while Redis was asked.
        if (it == by_id.end() || !leases_.has(*it->second)) continue;
        it->second->ask_to_stop(stop_reason::lost);
        lost_.add();
    }
    for (const auto& id : news->cancelled)
        if (const auto it = by_id.find(id); it != by_id.end())
            it->second->ask_to_stop(stop_reason::cancelled);
}

awaitable<> heartbeat::reap_again_and_again() {
    for (;;) {
        for (std::size_t i = 0; i < lanes; ++i)
            for (unsigned shard = 0; shard < settings_.shards; ++shard)
                co_await reap_place({static_cast<lane>(i), shard});
        co_await pause(settings_.reap);
    }
}

awaitable<> heartbeat::reap_place(place where) {
    const auto done = co_await dispatch_.reap(where, settings_.owner);
    if (!done) co_return;
    for (const auto& id : done->cancelled)
        if (const auto run = leases_.find(id)) run->ask_to_stop(stop_reason::cancelled);
    rescued_.add(done->returned);
    for (const auto& each : done->poison) {
        buried_.add();
        log::error("a job is given up: too many workers died with it",
                   {{"kind", each.kind}, {"job", each.id.to_string()}, {"workers", each.lost}});
    }
}

awaitable<> heartbeat::count_again_and_again() {
    for (;;) {
        for (std::size_t i = 0; i < lanes; ++i) co_await count_lane(static_cast<lane>(i));
        co_await pause(settings_.count);
    }
}

awaitable<> heartbeat::count_lane(lane which) {
    dispatch::numbers sum;
    for (unsigned shard = 0; shard < settings_.shards; ++shard) {
        const auto some = co_await dispatch_.count({which, shard});
        if (!some) co_return;
        sum.waiting += some->waiting;
        sum.delayed += some->delayed;
        sum.dead += some->dead;
        sum.oldest = std::max(sum.oldest, some->oldest);
    }
    const auto& to = gauges_[static_cast<std::size_t>(which)];
    to.waiting->set(static_cast<double>(sum.waiting));
    to.delayed->set(static_cast<double>(sum.delayed));
    to.dead->set(static_cast<double>(sum.dead));
    to.oldest->set(seconds(sum.oldest));
}

}  // namespace bulkhead::queue
