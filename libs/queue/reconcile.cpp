// SPDX-License-Identifier: Apache-2.0
// The part of the relay that looks after all tenants: what Redis has lost is found in their databases, and
// what belongs to tenants that have ended is removed from Redis.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <unordered_set>
#include <utility>

#include "base/fail_point.hpp"
#include "observability/log.hpp"
#include "queue/relay.hpp"
#include "queue/tenant_access.hpp"
#include "runtime/or_die.hpp"

namespace bulkhead::queue {
namespace {

using std::chrono::milliseconds;

constexpr unsigned page = 1'000;    // tenants in one answer of the control database
constexpr std::size_t batch = 500;  // hints in one call
constexpr std::size_t most_recent = 2'000;
constexpr std::size_t most_purged = 100'000;
constexpr int most_meetings = 60;  // a minute; then the next sweep finds what is missing

}  // namespace

awaitable<> relay::keep_rounds() {
    while (!stopped_) {
        auto told = co_await hints_.begin_round(settings_.round_limit, settings_.sweep_every);
        if (stopped_) co_return;
        if (told && told->why != hints::round::none) {
            const auto done = co_await round(*std::move(told));
            if (!done)
                log::warn("a round over all tenants was not finished", {{"reason", done.error().detail}});
        }
        if (stopped_) co_return;
        pause_.expires_after(settings_.poll);
        co_await pause_.async_wait(use_tuple);
    }
}

void relay::meet(const redis::redis_identity& who) {
    // Of a user that may not ask who it is, nobody knows.
    if (stopped_ || who.run_id.empty()) return;
    net::co_spawn(executor_, note_server(who.server, who.run_id + who.replication_id), or_die);
}

/// Each server of a cluster has jobs of its own; of the one that keeps the hints `begin_round` knows already.
awaitable<> relay::note_server(std::string server, std::string who) {
    // The server that keeps the hints may be away itself for a while.
    for (int i = 0; i < most_meetings; ++i) {
        const auto noted = co_await hints_.meet(server, who);
        if (noted || stopped_) co_return;
        steady_timer pause(executor_, settings_.poll);
        co_await pause.async_wait(use_tuple);
    }
}

awaitable<result<>> relay::round(hints::round_answer why) {
    const auto limit = runtime::deadline::in(settings_.round_limit);
    const bool lost = why.why == hints::round::data_lost;
    (lost ? numbers_.data_lost : numbers_.due).add();
    auto all = co_await all_tenants(limit);
    if (!all) co_return std::unexpected(std::move(all.error()));
    if (lost) log::info("Redis is not what it was: looking at all tenants", {{"tenants", all->size()}});
    const auto over = lost ? settings_.reconcile_over : settings_.sweep_every;
    const auto count = static_cast<milliseconds::rep>(std::max<std::size_t>(all->size(), 1));
    const auto apart = lost ? std::min(over / count, settings_.most_apart) : over / count;
    // What was being committed while Redis lost its data had its hint lost too: one look may be too early.
    const auto given = co_await spread(*std::move(all), apart, lost ? looks - 2 : looks - 1);
    if (!given) co_return std::unexpected(given.error());
    fail_point("reconcile.spread");
    const auto purged = co_await purge_ended(limit);
    if (!purged) co_return std::unexpected(purged.error());
    again_ = true;
    signal_.cancel();
    co_return co_await hints_.end_round(std::move(why.run));
}

/// Active ones, those first that this process has met lately.
awaitable<result<std::vector<uuid>>> relay::all_tenants(runtime::deadline limit) {
    std::vector<uuid> out;
    for (uuid after{};;) {
        auto some = co_await tenant_access::active(tenants_, after, page, limit);
        if (!some) co_return std::unexpected(std::move(some.error()));
        out.insert(out.end(), some->begin(), some->end());
        if (some->size() < page) break;
        after = some->back();
    }
    std::unordered_set<uuid> recent;
    for (const auto& each : tenants_.recent(most_recent)) recent.insert(each);
    std::ranges::stable_partition(out, [&](const uuid& each) { return recent.contains(each); });
    co_return out;
}

awaitable<result<>> relay::spread(std::vector<uuid> all, milliseconds apart, unsigned looks_done) {
    std::vector<hint> some;
    milliseconds when{0};
    for (std::size_t i = 0; i < all.size(); ++i, when += apart) {
        some.push_back({.tenant = all[i], .delay = when, .looks_done = looks_done});
        if (some.size() < batch && i + 1 < all.size()) continue;
        if (stopped_) co_return fail(errc::unavailable, "the worker stops");
        const auto given = co_await hints_.give(std::exchange(some, {}));
        if (!given) co_return std::unexpected(given.error());
    }
    co_return result<>{};
}

/// Of a tenant that is deleted nothing is to stay in Redis; should it be undeleted, its rows are there.
awaitable<result<>> relay::purge_ended(runtime::deadline limit) {
    for (uuid after{};;) {
        auto some = co_await tenant_access::ended(tenants_, after, page, limit);
        if (!some) co_return std::unexpected(std::move(some.error()));
        for (const auto& each : *some) {
            const auto purged = co_await to_.purge(each, purged_.contains(each));
            if (!purged) co_return std::unexpected(purged.error());
            if (purged_.size() >= most_purged) purged_.clear();
            purged_.insert(each);
        }
        if (some->size() < page) co_return result<>{};
        after = some->back();
    }
}

}  // namespace bulkhead::queue
