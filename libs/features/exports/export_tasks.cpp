// SPDX-License-Identifier: Apache-2.0
#include "features/exports/export_tasks.hpp"

#include <algorithm>
#include <utility>

#include "base/fail_point.hpp"
#include "features/exports/file_ledger.hpp"

namespace bulkhead::exports {
namespace {

using postgres::parameters;
using postgres::query;
using queue::give_up;

constexpr int first_page = 100;  // rows
constexpr int smallest_page = 10;
constexpr int largest_page = 500;
constexpr std::size_t wanted_page = 256 * 1024;  // bytes

/// A task takes a hundred bytes or forty thousand: pages are to take about the same memory.
int next_page(int rows, std::size_t bytes) {
    if (bytes > 2 * wanted_page) return std::max(smallest_page, rows / 2);
    if (bytes < wanted_page) return std::min(largest_page, rows * 2);
    return rows;
}

unsigned percent_of(std::int64_t done, std::int64_t total) {
    return total > 0 ? static_cast<unsigned>(std::min<std::int64_t>(99, done * 100 / total)) : 99;
}

}  // namespace

export_tasks::export_tasks(storage::store& files, lines_maker tasks_of, export_settings settings)
    : files_(files), tasks_of_(std::move(tasks_of)), settings_(settings) {}

awaitable<queue::run_outcome> export_tasks::run(queue::job_context& job, payload what) {
    if (!job.user()) co_return give_up("an export is a user's, and this one is nobody's");
    const auto file = uuid::generate();
    const auto noted = co_await file_ledger(job.steps()).note(file, job.id());
    if (!noted) co_return queue::failed_with(noted.error());
    fail_point("export.after-note");
    const auto made = co_await write_file(job, file, what.format);
    if (!made) co_return queue::failed_with(made.error());
    fail_point("export.after-file");
    const auto kept = co_await finish(job, file, what.format, *made);
    if (!kept || !*kept) co_await discard(job, file);
    if (!kept) co_return queue::failed_with(kept.error());
    if (!*kept) co_return give_up("the user is gone");
    co_return json::value{{"rows", made->rows}, {"bytes", made->bytes}};
}

awaitable<result<export_tasks::written>> export_tasks::write_file(queue::job_context& job, uuid file,
                                                                  file_format format) const {
    auto opened = co_await files_.create(key_of(job.tenant().id, file));
    if (!opened) co_return std::unexpected(std::move(opened.error()));
    const auto writer = *std::move(opened);
    const auto from = tasks_of_(*job.user(), format);
    const auto rows = co_await write_lines(job, *from, *writer);
    if (!rows) co_return std::unexpected(rows.error());
    const auto bytes = co_await writer->commit();
    if (!bytes) co_return std::unexpected(bytes.error());
    co_return written{.rows = *rows, .bytes = static_cast<std::int64_t>(*bytes)};
}

awaitable<result<std::int64_t>> export_tasks::write_lines(queue::job_context& job, lines& from,
                                                          storage::object_writer& to) const {
    std::vector<query> first;
    first.push_back({"set transaction isolation level repeatable read, read only", {}});
    auto begun = co_await job.steps().begin(std::move(first));
    if (!begun) co_return std::unexpected(std::move(begun.error()));
    auto& snapshot = begun->open;
    const auto total = co_await from.count(snapshot);
    if (!total) co_return std::unexpected(total.error());
    std::string text;
    from.append_head(text);
    std::int64_t done = 0;
    for (int page = first_page;;) {
        if (job.control().stop_requested()) co_return fail(errc::unavailable, "it was told to stop");
        const auto count = co_await from.append_next(snapshot, page, text);
        if (!count) co_return std::unexpected(count.error());
        if (const auto kept = co_await to.append(text); !kept) co_return std::unexpected(kept.error());
        fail_point("export.after-page");
        done += *count;
        job.control().progress(percent_of(done, *total));
        if (*count < page) co_return done;
        page = next_page(page, text.size());
        text.clear();
    }
}

/// Part of the transaction that ends the job. False: there is nobody to keep it for.
awaitable<result<bool>> export_tasks::finish(queue::job_context& job, uuid file, file_format format,
                                             written what) const {
    std::vector<query> statements;
    statements.push_back(
        {"insert into exports (id, user_id, kind, format, file, row_count, bytes, created_at, expires_at) "
         "select j.id, u.id, 0, $3, $4, $5, $6, j.created_at, now() + $7 * interval '1 millisecond' "
         "from jobs j join users u on u.id = $2 where j.id = $1 returning id",
         parameters::of(job.id(), *job.user(), static_cast<std::int16_t>(format), file, what.rows, what.bytes,
                        std::int64_t{settings_.kept.count()})});
    statements.push_back(
        {"update exports set expires_at = now() where user_id = $1 and expires_at > now() and id in "
         "(select id from exports where user_id = $1 order by finished_at desc, id desc offset $2)",
         parameters::of(*job.user(), std::int64_t{settings_.most_kept})});
    const auto rows = co_await job.db().write_all(std::move(statements));
    if (!rows) co_return std::unexpected(rows.error());
    co_return !rows->front().empty();
}

/// As far as that can be done now: what is left over is found later.
awaitable<> export_tasks::discard(queue::job_context& job, uuid file) const {
    const auto gone = co_await files_.remove(key_of(job.tenant().id, file));
    if (!gone) co_return;
    (void)co_await file_ledger(job.steps()).strike_out(file);
}

}  // namespace bulkhead::exports
