// SPDX-License-Identifier: Apache-2.0
// How handlers have work done on tenants. What begins it, or is one statement, is waited for; the rest goes
// on behind the answer, whether the client waits for a while or not. Nothing is lost when this process dies:
// the work is recorded, and the worker goes on with what was left behind.
#pragma once

#include "auth/platform_context.hpp"
#include "features/platform/model.hpp"
#include "http/preference.hpp"
#include "lifecycle/operation.hpp"

namespace bulkhead::platform {

using tenant_or_job = http::created_or_accepted<tenant, job>;

/// What a site is told for the time of one piece of work: for which request it is, and how long a statement
/// may take.
class assignment {
public:
    assignment(lifecycle::site& at, std::string request_id, std::chrono::milliseconds statement_limit);
    /// Without a limit of its own.
    assignment(lifecycle::site& at, std::string request_id);
    ~assignment();
    assignment(const assignment&) = delete;
    assignment& operator=(const assignment&) = delete;

private:
    lifecycle::site& at_;
    const std::optional<std::chrono::milliseconds> limit_before_;
};

[[nodiscard]] std::unexpected<error> came_too_late();

/// Runs `work(site)` in an office and waits for its result. errc::unavailable when the request's time is up
/// before a thread is free: then nothing is done.
template <class F>
auto have_done(const auth::platform_context& by, lifecycle::office& where, F work) {
    using outcome = std::invoke_result_t<F, lifecycle::site&>;
    auto in_time = [limit = by.request().deadline(), id = std::string(by.request().request_id()),
                    work = std::move(work)](lifecycle::site& at) mutable -> outcome {
        if (limit.passed()) return came_too_late();
        const assignment mine(at, std::move(id), limit.remaining());
        return work(at);
    };
    return where.run(std::move(in_time));
}

/// Goes on with begun work and says where to ask for it.
awaitable<result<http::accepted<job>>> leave_to(const auth::platform_context& by, lifecycle::office& where,
                                                lifecycle::operation begun);

/// Goes on with the making of a tenant and waits for it as long as the client prefers. When it has failed,
/// its error.
awaitable<result<tenant_or_job>> make(const auth::platform_context& by, lifecycle::office& where,
                                      lifecycle::operation begun, http::wait_preference asked);

}  // namespace bulkhead::platform
