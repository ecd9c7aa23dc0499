// SPDX-License-Identifier: Apache-2.0
#include "queue/cron.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <map>
#include <utility>

#include "base/random.hpp"
#include "observability/log.hpp"
#include "queue/dispatch_scripts.hpp"
#include "queue/job_store.hpp"
#include "queue/tenant_access.hpp"
#include "runtime/or_die.hpp"
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

/// No tenant has to wait for longer than until the second slot of the first schedule.
milliseconds longest_wait(const std::vector<schedule>& all) {
    const auto now = utc_now();
    auto soonest = utc_time::max();
    for (const auto& each : all) soonest = std::min(soonest, next_slot(each, {}, next_slot(each, {}, now)));
    return std::chrono::ceil<milliseconds>(soonest - now);
}

const redis::script& take_script() {
    static const auto script = script_named("cron_take");
    return script;
}
const redis::script& put_script() {
    static const auto script = script_named("cron_put");
    return script;
}

std::vector<std::string> keys() { return {std::string(due_key)}; }

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
    if (!all_.empty()) net::co_spawn(executor_, run(), or_die);
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
        auto add = words({"nx"});
        for (const auto& each : *some) {
            const auto delay = static_cast<double>(settings_.spread.count()) * jitter();
            add.push_back(each.to_string());
            add.push_back(std::to_string(static_cast<std::int64_t>(delay)));
        }
        const auto added = co_await redis_.run(put_script(), keys(), std::move(add));
        if (!added) co_return std::unexpected(added.error());
        after = some->back();
    }
    co_return result<>{};
}

awaitable<result<>> cron::round() {
    for (;;) {
        auto wish = words({});
        for (const auto number : {static_cast<std::int64_t>(settings_.at_once), settings_.hidden.count(),
                                  longest_wait(all_).count()})
            wish.push_back(std::to_string(number));
        const auto due = co_await redis_.run(take_script(), keys(), std::move(wish));
        if (!due) co_return std::unexpected(due.error());
        const auto* const names = due->elements();
        if (!names) co_return fail(errc::internal, "Redis gave no list");
        for (const auto& each : *names) {
            if (stopped_) co_return result<>{};
            const auto tenant = uuid::parse(each.text().value_or(""));
            if (tenant) co_await look(*tenant);
        }
        if (names->size() < settings_.at_once) co_return result<>{};
    }
}

awaitable<> cron::look(uuid tenant) {
    result<std::optional<milliseconds>> next = fail(errc::internal);
    try {
        next = co_await look_at(tenant);
    } catch (const std::exception& thrown) {  // a table that is not what it should be
        next = fail(errc::internal, thrown.what());
    }
    if (!next) {  // it is hidden for a while now
        failures_.add();
        log::warn("a tenant's schedules could not be looked at",
                  {{"tenant", tenant.to_string()}, {"detail", next.error().detail}});
        co_return;
    }
    const auto name = tenant.to_string();
    if (*next) {
        auto put = words({"xx", name, std::to_string((*next)->count())});
        co_await redis_.run(put_script(), keys(), std::move(put));
    } else {
        auto forget = words({"zrem", due_key, name});
        co_await redis_.command(std::move(forget));
    }
}

awaitable<result<std::optional<milliseconds>>> cron::look_at(uuid tenant) {
    const auto limit = runtime::deadline::in(settings_.look_limit);
    const auto found = co_await tenants_.by_id(tenant, limit);
    if (!found && found.error().code == errc::tenant_unknown) co_return std::nullopt;
    if (!found) co_return std::unexpected(found.error());
    if ((*found)->status != tenancy::tenant_status::active) co_return std::nullopt;
    if ((*found)->schema_version < tenancy::with_schedules) co_return pause_unmigrated;
    const auto db = tenant_access::open(tenants_, **found, limit);
    // Its clock counts, which is one for all workers: ours may be anywhere.
    const auto rows = co_await db.read(
        "select clock_timestamp(), name, last_slot from (select) one left join job_schedules on true");
    if (!rows) co_return std::unexpected(rows.error());
    const auto now = (*rows)[0].get<utc_time>(0);
    std::map<std::string, utc_time> last;
    for (int i = 0; i < rows->size(); ++i)
        if (const auto name = (*rows)[i].get<std::optional<std::string>>(1))
            last[*name] = (*rows)[i].get<utc_time>(2);

    auto next = utc_time::max();
    std::vector<postgres::query> work;
    std::vector<ticket> tickets;
    for (const auto& each : all_) {
        const auto known = last.find(each.name);
        auto slot = now;  // a schedule begins when it is met first
        // One that is further away than the next is nobody's slot but that of a clock that was wrong.
        const auto farthest = next_slot(each, tenant, now);
        if (known != last.end() && known->second <= farthest) {
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
                 "do update set last_slot = case when job_schedules.last_slot > $3 then excluded.last_slot "
                 "else greatest(job_schedules.last_slot, excluded.last_slot) end",
                 postgres::parameters::of(each.name, slot, farthest)});
        next = std::min(next, next_slot(each, tenant, std::max(slot, now)));
    }
    if (!work.empty()) {
        const auto done = co_await db.write_all(std::move(work));
        if (!done) co_return std::unexpected(done.error());
        made_.add(tickets.size());
    }
    // Whoever looks for rows that Redis does not know finds them if this fails.
    if (!tickets.empty()) co_await to_.push(std::move(tickets));
    // A moment later, so that the slot is over by then.
    co_return std::chrono::ceil<milliseconds>(next - now) + milliseconds(1);
}

}  // namespace bulkhead::queue
