// SPDX-License-Identifier: Apache-2.0
#include "queue/cron.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <map>
#include <utility>

#include "base/random.hpp"
#include "observability/log.hpp"
#include "queue/job_store.hpp"
#include "queue/tenant_access.hpp"
#include "tenancy/schema_levels.hpp"

namespace bulkhead::queue {
namespace {

using std::chrono::milliseconds;

/// Tenants by the time at which they are to be looked at (ms since 1970).
constexpr std::string_view due_key = "bh:q:cron:due";
/// Whoever has set it lists the tenants.
constexpr std::string_view list_key = "bh:q:cron:list";
constexpr unsigned page = 500;
constexpr std::chrono::minutes pause_unmigrated{1};

std::int64_t ms(utc_time time) { return std::chrono::floor<milliseconds>(time).time_since_epoch().count(); }

std::vector<std::string> words(std::initializer_list<std::string_view> all) {
    return {all.begin(), all.end()};
}

}  // namespace

cron::cron(executor where, redis::redis_client& redis, dispatch& to, tenancy::registry& tenants,
           std::vector<schedule> all, metrics::registry& counts, cron_settings settings)
    : executor_(where),
      redis_(redis),
      to_(to),
      tenants_(tenants),
      all_(std::move(all)),
      settings_(settings),
      made_(counts.add_counter("bulkhead_cron_jobs_total",
                               "Jobs that this process made since their time had come.")),
      failures_(counts.add_counter("bulkhead_cron_failures_total",
                                   "Looks at a tenant's schedules that failed and are repeated.")),
      timer_(where) {}

void cron::start() {
    if (!all_.empty()) net::co_spawn(executor_, run(), net::detached);
}

void cron::stop() {
    stopped_ = true;
    timer_.cancel();
}

awaitable<> cron::run() {
    while (!stopped_) {
        if (steady_clock::now() >= list_at_) {
            const auto listed = co_await list_tenants();
            if (listed) list_at_ = steady_clock::now() + settings_.list_every;
        }
        // Failures are Redis' absence: what is due stays due.
        co_await round();
        timer_.expires_after(settings_.poll);
        co_await timer_.async_wait(use_tuple);
    }
}

awaitable<result<>> cron::list_tenants() {
    const auto patience = std::to_string((settings_.list_every - settings_.poll).count());
    auto claim = words({"set", list_key, "1", "nx", "px", patience});
    const auto mine = co_await redis_.command(std::move(claim));
    if (!mine) co_return std::unexpected(mine.error());
    if (mine->is_nil()) co_return result<>{};
    for (uuid after{}; !stopped_;) {
        const auto some = co_await tenant_access::active(tenants_, after, page,
                                                         runtime::deadline::in(settings_.look_limit));
        if (!some) co_return std::unexpected(some.error());
        if (some->empty()) break;
        auto add = words({"zadd", due_key, "nx"});
        for (const auto& each : *some) {
            const auto delay = static_cast<double>(settings_.spread.count()) * jitter();
            add.push_back(std::to_string(ms(utc_now()) + static_cast<std::int64_t>(delay)));
            add.push_back(each.to_string());
        }
        const auto added = co_await redis_.command(std::move(add));
        if (!added) co_return std::unexpected(added.error());
        after = some->back();
    }
    co_return result<>{};
}

awaitable<result<>> cron::round() {
    for (;;) {
        const auto now = ms(utc_now());
        auto ask = words({"zrangebyscore", due_key, "-inf", std::to_string(now), "limit", "0",
                          std::to_string(settings_.at_once)});
        const auto due = co_await redis_.command(std::move(ask));
        if (!due) co_return std::unexpected(due.error());
        const auto* const names = due->elements();
        if (!names) co_return fail(errc::internal, "Redis gave no list");
        for (const auto& each : *names) {
            if (stopped_) co_return result<>{};
            const std::string name(each.text().value_or(""));
            const auto hidden = std::to_string(now + settings_.hidden.count());
            auto take = words({"zadd", due_key, "xx", "gt", "ch", hidden, name});
            const auto taken = co_await redis_.command(std::move(take));
            if (!taken) co_return std::unexpected(taken.error());
            const auto tenant = uuid::parse(name);
            if (tenant && taken->integer() == 1) co_await look(*tenant);
        }
        if (names->size() < settings_.at_once) co_return result<>{};
    }
}

awaitable<> cron::look(uuid tenant) {
    const auto next = co_await look_at(tenant);
    if (!next) {  // it is hidden for a while now
        failures_.add();
        log::warn("a tenant's schedules could not be looked at",
                  {{"tenant", tenant.to_string()}, {"detail", next.error().detail}});
        co_return;
    }
    const auto name = tenant.to_string();
    auto keep = *next ? words({"zadd", due_key, "xx", std::to_string(ms(**next) + 1), name})
                      : words({"zrem", due_key, name});
    co_await redis_.command(std::move(keep));
}

awaitable<result<std::optional<utc_time>>> cron::look_at(uuid tenant) {
    const auto limit = runtime::deadline::in(settings_.look_limit);
    const auto found = co_await tenants_.by_id(tenant, limit);
    if (!found && found.error().code == errc::tenant_unknown) co_return std::nullopt;
    if (!found) co_return std::unexpected(found.error());
    if ((*found)->status != tenancy::tenant_status::active) co_return std::nullopt;
    if ((*found)->schema_version < tenancy::with_schedules) co_return utc_now() + pause_unmigrated;
    const auto db = tenant_access::open(tenants_, **found, limit);
    const auto rows = co_await db.read("select name, last_slot from job_schedules");
    if (!rows) co_return std::unexpected(rows.error());
    std::map<std::string, utc_time> last;
    for (int i = 0; i < rows->size(); ++i) last[(*rows)[i].get<std::string>(0)] = (*rows)[i].get<utc_time>(1);

    const auto now = utc_now();
    auto next = utc_time::max();
    std::vector<postgres::query> work;
    std::vector<ticket> tickets;
    for (const auto& each : all_) {
        const auto known = last.find(each.name);
        auto slot = now;  // a schedule begins when it is met first
        if (known != last.end()) {
            slot = known->second;
            for (const auto due : due_slots(each, tenant, known->second, now)) {
                const auto job = job_of_slot(each, tenant, due);
                work.push_back(job_store::insert(job));
                tickets.push_back({.tenant = tenant,
                                   .id = job.id,
                                   .kind = job.kind,
                                   .lane = job.lane,
                                   .priority = job.priority});
                slot = due;
            }
        }
        // Slots that are skipped are over too.
        if (next_slot(each, tenant, slot) <= now) slot = now;
        if (known == last.end() || slot != known->second)
            work.push_back(
                {"insert into job_schedules (name, last_slot) values ($1, $2) on conflict (name) "
                 "do update set last_slot = greatest(job_schedules.last_slot, excluded.last_slot)",
                 postgres::parameters::of(each.name, slot)});
        next = std::min(next, next_slot(each, tenant, std::max(slot, now)));
    }
    if (!work.empty()) {
        const auto done = co_await db.write_all(std::move(work));
        if (!done) co_return std::unexpected(done.error());
        made_.add(tickets.size());
    }
    // Whoever looks for rows that Redis does not know finds them if this fails.
    if (!tickets.empty()) co_await to_.push(std::move(tickets));
    co_return next;
}

}  // namespace bulkhead::queue
