// SPDX-License-Identifier: Apache-2.0
#include "features/exports/routes.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "features/exports/export_file.hpp"
#include "features/exports/export_tasks.hpp"
#include "features/exports/file_ledger.hpp"
#include "features/exports/repository.hpp"
#include "features/exports/stored_content.hpp"
#include "http/endpoint.hpp"
#include "queue/outbox.hpp"
#include "tenancy/schema_levels.hpp"

namespace bulkhead::exports {
namespace {

using auth::user_context;
using http::path_id;

/// Of one user at a time. Each has one of as many unique keys, so that requests that come at once do not get
/// past it together.
constexpr std::int64_t most_under_way = 5;

queue::new_job job_for(const export_input& wanted) {
    switch (wanted.kind) {
        case export_kind::tasks: return queue::job_of<export_tasks>({.format = wanted.format});
    }
    throw std::logic_error("no job makes this kind of export");
}

std::unexpected<error> too_many() {
    return fail(errc::conflict, "as many of your exports are under way as may be at a time");
}

// POST /api/exports
awaitable<result<http::accepted<data_export>>> create_export(user_context& user,
                                                             http::body<export_input> input) {
    const repository exports(user);
    const auto others = co_await exports.under_way();
    if (!others) co_return std::unexpected(others.error());
    if (*others >= most_under_way) co_return too_many();
    auto& outbox = user.tenant().request().service<queue::outbox>();
    for (std::int64_t i = 0; i < most_under_way; ++i) {
        auto job = job_for(input.value);
        job.user = user.id();
        job.unique_key = fmt::format("export/{}/{}", user.id().to_string(), (*others + i) % most_under_way);
        const auto added = co_await outbox.add(user.tenant(), std::move(job));
        if (!added) co_return std::unexpected(added.error());
        if (!added->made) continue;
        auto made = co_await exports.find(added->id);
        if (!made) co_return std::unexpected(std::move(made.error()));
        co_return http::accepted<data_export>{*std::move(made), "/api/exports/" + added->id.to_string()};
    }
    co_return too_many();
}

// GET /api/exports/{id}
awaitable<result<data_export>> get_export(user_context& user, path_id id) {
    co_return co_await repository(user).find(id.value);
}

// GET /api/exports/{id}/content
awaitable<result<export_file>> get_content(user_context& user, path_id id) {
    const auto found = co_await repository(user).file_of(id.value);
    if (!found) co_return std::unexpected(found.error());
    auto& files = user.tenant().request().service<storage::store>();
    auto opened = co_await files.open(key_of(user.tenant().info().id, found->file));
    if (!opened) co_return std::unexpected(std::move(opened.error()));
    co_return export_file{found->format, found->created_at,
                          std::make_shared<stored_content>(*std::move(opened))};
}

}  // namespace

void mount(http::router& routes) {
    constexpr std::string_view tag = "exports";
    routes.post<create_export>(
        "/api/exports",
        {.id = "createExport",
         .summary = "Have your data written to a file",
         .tag = tag,
         .description = "Made behind the scenes: ask for the export until its state is `succeeded`, then for "
                        "its content. The file shows your data as it was at one moment, newest first. "
                        "Cancel it as the job with the same id. 409 when five of yours are under way.",
         .failures = {errc::conflict, errc::quota_exceeded},
         .schema = tenancy::with_exports});
    routes.get<get_export>("/api/exports/{id}",
                           {.id = "getExport",
                            .summary = "How far an export is",
                            .tag = tag,
                            .description = "404 once it has expired, or twenty later ones are finished.",
                            .schema = tenancy::with_exports});
    routes.get<get_content>(
        "/api/exports/{id}/content",
        {.id = "getExportContent",
         .summary = "The file of an export that has succeeded",
         .tag = tag,
         .description = "NDJSON has a line for each object, as the API shows it. CSV has the same members "
                        "in a line of commas (RFC 4180); so that no spreadsheet takes a text for a formula, "
                        "an apostrophe stands before what would begin one. 409 while there is no file.",
         .failures = {errc::conflict},
         .schema = tenancy::with_exports});
}

}  // namespace bulkhead::exports
