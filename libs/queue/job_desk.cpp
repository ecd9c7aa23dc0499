// SPDX-License-Identifier: Apache-2.0
#include "queue/job_desk.hpp"

#include "base/fail_point.hpp"
#include "queue/tenant_access.hpp"

namespace bulkhead::queue {
namespace {

constexpr std::chrono::seconds patience{10};
/// Until a relay looks for what this program may have had no time to push.
constexpr std::chrono::milliseconds hint_due{5'000};

// In the order of `read`. A job whose time has not come is called scheduled.
#define JOB_COLUMNS                                                                                    \
    "id, kind, lane, case when state = 0 and run_at > now() then 'scheduled' else "                    \
    "(array['pending', 'running', 'succeeded', 'failed', 'cancelled'])[state + 1] end as state_name, " \
    "priority, attempt, most_attempts, lost, run_at, created_at, started_at, finished_at, "            \
    "coalesce(unique_key, ''), user_id, progress_percent, progress_note, errors::text, coalesce(result, '')"

std::string text_of(const std::optional<utc_time>& time) { return time ? to_rfc3339(*time) : std::string(); }

job_row read(const postgres::result_set::row& row) {
    job_row out;
    out.id = row.get<uuid>(0);
    out.kind = row.get<std::string>(1);
    out.of = static_cast<lane>(row.get<std::int16_t>(2));
    out.state = row.get<std::string>(3);
    out.urgency = static_cast<priority>(row.get<std::int16_t>(4));
    out.attempt = static_cast<unsigned>(row.get<std::int32_t>(5));
    out.most_attempts = static_cast<unsigned>(row.get<std::int32_t>(6));
    out.lost = static_cast<unsigned>(row.get<std::int32_t>(7));
    out.run_at = text_of(row.get<std::optional<utc_time>>(8));
    out.created_at = text_of(row.get<std::optional<utc_time>>(9));
    out.started_at = text_of(row.get<std::optional<utc_time>>(10));
    out.finished_at = text_of(row.get<std::optional<utc_time>>(11));
    out.unique_key = row.get<std::string>(12);
    out.user = row.get<std::optional<uuid>>(13);
    if (const auto percent = row.get<std::optional<std::int16_t>>(14))
        out.progress = static_cast<unsigned>(*percent);
    out.note = row.get<std::string>(15);
    out.errors = row.get<std::string>(16);
    out.result = row.get<std::string>(17);
    return out;
}

ticket ticket_for(const uuid& tenant, const new_job& what) {
    ticket out{.tenant = tenant,
               .id = what.id,
               .kind = what.kind,
               .lane = what.lane,
               .priority = what.priority,
               .unique_key = {},
               .most_attempts = what.most_attempts};
    if (what.run_at)
        out.delay = std::max(std::chrono::milliseconds(0),
                             std::chrono::ceil<std::chrono::milliseconds>(*what.run_at - utc_now()));
    if (what.kept == durability::redis) {
        out.payload = what.payload;
        out.unique_key = what.unique_key;
    }
    return out;
}

}  // namespace

postgres::database job_desk::open(const tenant_ptr& of) const {
    return tenant_access::open(tenants_, *of, runtime::deadline::in(patience));
}

/// As well as can be: what is about to be written is found, should nobody live to push it.
awaitable<> job_desk::hint_at(uuid tenant) const {
    std::vector<hint> one;
    one.push_back({.tenant = tenant, .delay = hint_due});
    co_await hints_.give(std::move(one));
}

awaitable<result<job_desk::tenant_ptr>> job_desk::find_tenant(std::string slug) {
    auto found = co_await tenants_.by_slug(std::move(slug), runtime::deadline::in(patience));
    if (!found) co_return std::unexpected(std::move(found.error()));
    co_return *std::move(found);
}

awaitable<result<std::vector<job_row>>> job_desk::list(tenant_ptr of, job_filter which) {
    const auto db = open(of);
    const auto rows =
        co_await db.read("select * from (select " JOB_COLUMNS
                         " from jobs) j where ($1 = '' or state_name = $1) "
                         "and ($2 = '' or kind = $2) order by created_at desc, id desc limit $3",
                         which.state, which.kind, static_cast<std::int64_t>(which.most));
    if (!rows) co_return std::unexpected(rows.error());
    std::vector<job_row> out;
    for (int i = 0; i < rows->size(); ++i) out.push_back(read((*rows)[i]));
    co_return out;
}

awaitable<result<job_row>> job_desk::show(tenant_ptr of, uuid id) {
    const auto db = open(of);
    const auto rows = co_await db.read(
        "select " JOB_COLUMNS ", payload, coalesce(checkpoint, '') from jobs where id = $1", id);
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->empty()) co_return fail(errc::not_found, "there is no such job");
    auto out = read((*rows)[0]);
    out.payload = (*rows)[0].get<std::string>(18);
    out.checkpoint = (*rows)[0].get<std::string>(19);
    co_return out;
}

awaitable<result<job_desk::enqueued>> job_desk::enqueue(tenant_ptr of, new_job what) {
    if (auto refused = tenancy::refusal_of(of->status)) co_return std::unexpected(*std::move(refused));
    if (what.kept == durability::database) {
        co_await hint_at(of->id);
        const auto db = open(of);
        auto insert = job_store::insert(what);
        const auto rows = co_await db.write(insert.what, std::move(insert.with));
        if (!rows) co_return std::unexpected(rows.error());
        if (rows->empty()) co_return enqueued{.made = false};
        fail_point("desk.before-push");
    }
    std::vector<ticket> all;
    all.push_back(ticket_for(of->id, what));
    const auto pushed = co_await to_.push(std::move(all));
    if (pushed && pushed->front() == push_outcome::not_unique) co_return enqueued{.made = false};
    const bool told = pushed && pushed->front() != push_outcome::full;
    if (!told && what.kept == durability::redis)
        co_return fail(errc::unavailable,
                       pushed ? "Redis keeps no more of this tenant's jobs" : "Redis is away");
    co_return enqueued{.told = told};
}

awaitable<result<bool>> job_desk::retry(tenant_ptr of, uuid id) {
    co_await hint_at(of->id);
    const job_store store(open(of));
    auto revived = co_await store.revive(id);
    if (!revived || !*revived) co_return revived;
    const auto row = co_await show(of, id);
    if (!row) co_return true;
    std::vector<ticket> all;
    all.push_back({.tenant = of->id, .id = id, .kind = row->kind, .lane = row->of, .priority = row->urgency});
    co_await to_.push(std::move(all));
    co_return true;
}

awaitable<result<bool>> job_desk::cancel(tenant_ptr of, uuid id) {
    const job_store store(open(of));
    const auto cancelled = co_await store.cancel(id);
    if (!cancelled) co_return std::unexpected(cancelled.error());
    if (!*cancelled) co_return false;
    const auto told = co_await to_.cancel(of->id, (*cancelled)->where, id, !(*cancelled)->at_once);
    if ((*cancelled)->noted) co_return true;
    if (!told) co_return fail(errc::unavailable, "its worker cannot be told: Redis is away");
    co_return true;
}

awaitable<result<bool>> job_desk::discard(tenant_ptr of, uuid id) {
    const auto db = open(of);
    const auto gone = co_await db.write("delete from jobs where id = $1 and state >= 2", id);
    if (!gone) co_return std::unexpected(gone.error());
    co_return gone->affected() == 1;
}

}  // namespace bulkhead::queue
