// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/expiry.hpp"

#include "lifecycle/locks.hpp"
#include "observability/log.hpp"
#include "tenancy/control_store.hpp"
#include "tenancy/schema_levels.hpp"

namespace bulkhead::lifecycle {
namespace {

constexpr std::size_t batch = 1000;        // rows, so that no transaction is long
constexpr std::size_t most_batches = 100;  // for one tenant at a visit

result<std::size_t> remove_expired_of(const site& at, const tenancy::tenant& of) {
    const auto login = tenancy::owner_conninfo(at.control_info(), of, at.box());
    if (!login) return std::unexpected(login.error());
    auto database = connect(*login);
    if (!database) return std::unexpected(std::move(database.error()));
    std::size_t removed = 0;
    for (std::size_t i = 0; i < most_batches && !(at.stop && at.stop()); ++i) {
        const auto gone = run(*database,
                              "delete from idempotency_keys where ctid = any (array(select ctid from "
                              "idempotency_keys where expires_at <= now() order by expires_at "
                              "limit $1::bigint))",
                              {static_cast<std::int64_t>(batch)});
        if (!gone) return std::unexpected(gone.error());
        removed += gone->affected();
        if (gone->affected() < batch) break;
    }
    return removed;
}

}  // namespace

result<std::size_t> remove_expired(site& at, uuid& last) {
    const auto lock = lock_by_name(at, "expiry", {});
    if (!lock && lock.error().code == errc::conflict) return 0;
    if (!lock) return std::unexpected(lock.error());
    const auto next = run(at.control(),
                          "select id from tenants where status = 'active' and schema_version >= $2::bigint "
                          "and id > $1::uuid order by id limit "
                          "greatest(20, (select count(*) / 60 from tenants where status = 'active'))",
                          {last, tenancy::with_idempotency});
    if (!next) return std::unexpected(next.error());
    if (next->empty()) last = uuid{};
    std::size_t removed = 0;
    std::optional<error> failure;
    for (std::size_t row = 0; row < next->size() && !(at.stop && at.stop()); ++row) {
        last = uuid::parse(next->text(row, 0)).value();
        const auto of = tenancy::find_tenant(at.control(), last);
        if (!of) return std::unexpected(of.error());
        if (!*of || (*of)->status != tenancy::tenant_status::active) continue;  // it was closed meanwhile
        const auto done = remove_expired_of(at, **of);
        if (done) removed += *done;
        if (!done) failure = done.error();
    }
    if (removed > 0) log::debug("expired answers were removed", {{"rows", removed}});
    if (failure) return std::unexpected(*std::move(failure));
    return removed;
}

result<std::size_t> remove_old_operations(site& at, std::chrono::seconds keep) {
    std::size_t removed = 0;
    for (std::size_t i = 0; i < most_batches && !(at.stop && at.stop()); ++i) {
        const auto gone = run(at.control(),
                              "with gone as (delete from operations where id in (select id from operations o "
                              "where finished_at < now() - $1::bigint * interval '1 second' and not "
                              "(progress ? 'backup' and exists (select from tenants where id = o.tenant_id)) "
                              "order by finished_at limit $2::bigint) returning kind, state), "
                              "counted as (insert into operations_removed as r (kind, state, count) "
                              "select kind, state, count(*) from gone group by 1, 2 "
                              "on conflict (kind, state) do update set count = r.count + excluded.count) "
                              "select count(*) from gone",
                              {static_cast<std::int64_t>(keep.count()), static_cast<std::int64_t>(batch)});
        if (!gone) return std::unexpected(gone.error());
        const auto count = static_cast<std::size_t>(gone->integer(0, 0));
        removed += count;
        if (count < batch) break;
    }
    if (removed > 0) log::info("old records of work on tenants were removed", {{"rows", removed}});
    return removed;
}

}  // namespace bulkhead::lifecycle
