// SPDX-License-Identifier: Apache-2.0
#include "features/exports/export_retention.hpp"

#include "base/fail_point.hpp"

namespace bulkhead::exports {
namespace {

constexpr int at_once = 100;

}  // namespace

export_retention::export_retention(storage::store& files, std::chrono::seconds left_alone)
    : files_(files), left_alone_(left_alone) {}

queue::schedule export_retention::hourly() {
    queue::schedule out{.name = std::string(kind.name), .when = queue::every{std::chrono::hours(1)}};
    out.what = queue::job_of<export_retention>({});
    return out;
}

awaitable<queue::run_outcome> export_retention::run(queue::job_context& job, payload) {
    const file_ledger ledger(job.steps());
    const auto forgotten = co_await ledger.forget_expired();
    if (!forgotten) co_return queue::failed_with(forgotten.error());
    fail_point("export.after-forgetting");
    const auto removed = co_await remove_files(job, ledger);
    if (!removed) co_return queue::failed_with(removed.error());
    co_return json::value{{"exports", *forgotten}, {"files", *removed}};
}

/// A file goes before its note does: what dies in between is found again.
awaitable<result<std::int64_t>> export_retention::remove_files(queue::job_context& job,
                                                               const file_ledger& ledger) const {
    std::int64_t count = 0;
    for (;;) {
        const auto some = co_await ledger.left_over(left_alone_, at_once);
        if (!some) co_return std::unexpected(some.error());
        for (const auto& file : *some) {
            if (job.control().stop_requested()) co_return fail(errc::unavailable, "it was told to stop");
            const auto gone = co_await files_.remove(key_of(job.tenant().id, file));
            if (!gone) co_return std::unexpected(gone.error());
            fail_point("export.after-removal");
            if (const auto noted = co_await ledger.strike_out(file); !noted)
                co_return std::unexpected(noted.error());
            ++count;
        }
        if (some->size() < at_once) co_return count;
    }
}

}  // namespace bulkhead::exports
