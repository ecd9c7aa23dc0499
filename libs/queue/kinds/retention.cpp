// SPDX-License-Identifier: Apache-2.0
#include "queue/kinds/retention.hpp"

namespace bulkhead::queue {

schedule retention::daily() {
    schedule out{.name = std::string(kind.name), .when = every{std::chrono::hours(24)}};
    out.what = job_of<retention>({});
    return out;
}

/// Each batch takes effect by itself: what is gone stays gone if the run is repeated.
awaitable<run_outcome> retention::run(job_context& job, payload) {
    const auto& db = job.steps();
    std::int64_t removed = 0;
    while (!job.control().stop_requested()) {
        const auto gone = co_await db.write(
            "delete from jobs where ctid = any (array(select ctid from jobs where state >= 2 "
            "and finished_at < now() - case when state = 3 then $2 else $1 end * interval '1 millisecond' "
            "order by finished_at limit $3))",
            static_cast<std::int64_t>(settings_.succeeded.count()),
            static_cast<std::int64_t>(settings_.failed.count()), settings_.batch);
        if (!gone) co_return failed_with(gone.error());
        removed += gone->affected();
        if (gone->affected() < settings_.batch) break;
    }
    json::object out;
    out["removed"] = removed;
    co_return out;
}

}  // namespace bulkhead::queue
