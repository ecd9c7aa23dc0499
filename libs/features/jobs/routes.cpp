// SPDX-License-Identifier: Apache-2.0
#include "features/jobs/routes.hpp"

#include "features/jobs/repository.hpp"
#include "http/conditional.hpp"
#include "http/endpoint.hpp"
#include "queue/outbox.hpp"
#include "tenancy/schema_levels.hpp"

namespace bulkhead::jobs {
namespace {

using auth::user_context;
using http::path_id;
using http::preconditions;

// GET /api/jobs
awaitable<result<job_page>> list_jobs(user_context& user, http::query<list_query> query) {
    co_return co_await repository(user).list(std::move(query.value));
}

// GET /api/jobs/{id}
awaitable<result<http::fresh_or_not_modified<job>>> get_job(user_context& user, path_id id,
                                                            preconditions asked) {
    auto found = co_await repository(user).find(id.value);
    if (!found) co_return std::unexpected(std::move(found.error()));
    auto etag = etag_of(*found);
    co_return http::unless_known(std::move(*found), std::move(etag), asked);
}

// POST /api/jobs/{id}/cancel
awaitable<result<job>> cancel_job(user_context& user, path_id id) {
    auto cancelled = co_await repository(user).cancel(id.value);
    if (!cancelled) co_return std::unexpected(std::move(cancelled.error()));
    user.tenant().request().service<queue::outbox>().cancel_with(user.tenant(), cancelled->where, id.value,
                                                                 !cancelled->at_once);
    co_return std::move(cancelled->now);
}

}  // namespace

void mount(http::router& routes) {
    constexpr std::string_view tag = "jobs";
    routes.get<list_jobs>("/api/jobs", {.id = "listJobs",
                                        .summary = "Work behind the requests, newest first",
                                        .tag = tag,
                                        .description = "Your own; for owners and administrators all of the "
                                                       "tenant's.",
                                        .schema = tenancy::with_jobs});
    routes.get<get_job>("/api/jobs/{id}",
                        {.id = "getJob", .summary = "One job", .tag = tag, .schema = tenancy::with_jobs});
    routes.post<cancel_job>(
        "/api/jobs/{id}/cancel",
        {.id = "cancelJob",
         .summary = "Cancel a job",
         .tag = tag,
         .description =
             "One that waits is cancelled at once. One that runs is asked to end: cancel_requested "
             "is true until it has; should it be done first, it has succeeded.",
         .failures = {errc::conflict, errc::not_found},
         .needs_room = false,
         .schema = tenancy::with_jobs});
}

}  // namespace bulkhead::jobs
