// SPDX-License-Identifier: Apache-2.0
#include "features/webhooks/retention.hpp"

#include "tenancy/schema_levels.hpp"

namespace bulkhead::webhooks {
namespace {

constexpr std::int64_t batch = 1'000;  // rows, so that no transaction is long

}  // namespace

queue::schedule retention::daily() {
    queue::schedule out{.name = std::string(kind.name), .when = queue::every{std::chrono::hours(24)}};
    out.what = queue::job_of<retention>({});
    return out;
}

/// Each batch takes effect by itself: what is gone stays gone if the run is repeated.
awaitable<queue::run_outcome> retention::run(queue::job_context& job, payload) {
    json::object out;
    std::int64_t removed = 0;
    const bool has_webhooks = job.tenant().schema_version >= tenancy::with_webhooks;
    while (has_webhooks && !job.control().stop_requested()) {
        const auto gone = co_await job.steps().write(
            "delete from webhook_deliveries where ctid = any (array(select d.ctid from webhook_deliveries d "
            "where d.created_at < now() - $1 * interval '1 millisecond' "
            "and not exists (select from jobs j where j.id = d.id and j.state in (0, 1)) "
            "order by d.created_at limit $2))",
            static_cast<std::int64_t>(kept_.count()), batch);
        if (!gone) co_return queue::failed_with(gone.error());
        removed += gone->affected();
        if (gone->affected() < batch) break;
    }
    out["removed"] = removed;
    co_return out;
}

}  // namespace bulkhead::webhooks
