// SPDX-License-Identifier: Apache-2.0
// How requests make jobs. The row is written by the request's own transaction; Redis hears of it once that
// has taken effect, together with what other requests have for it, and nobody waits for that. Should the
// program die in between, a hint that was left before the commit brings a relay to the tenant within seconds.
// Belongs to one reactor; used as its service.
#pragma once

#include <memory>
#include <optional>

#include "observability/metrics.hpp"
#include "queue/dispatch.hpp"
#include "queue/hints.hpp"
#include "queue/job.hpp"
#include "tenancy/tenant_context.hpp"

namespace bulkhead::queue {

struct outbox_settings {
    std::chrono::milliseconds hint_due{5'000};  // how long a commit may take without being looked for in vain
    std::chrono::milliseconds hint_fresh{1'000};  // one hint serves all jobs of a tenant for so long
    std::chrono::milliseconds retry_first{500};   // what Redis could not be told is told again after this …
    std::chrono::milliseconds retry_most{10'000};  // … doubled each time, up to this
    std::size_t most_waiting = 10'000;             // jobs; what is more is left to the relay
    std::size_t most_owed = 10'000;                // tenants
    std::size_t batch = 1'000;                     // jobs in one round trip
};

class outbox {
public:
    /// All references must outlive it.
    outbox(executor where, redis::redis_client& redis, dispatch& to, metrics::registry& counts,
           outbox_settings settings = {});
    ~outbox();
    outbox(const outbox&) = delete;
    outbox& operator=(const outbox&) = delete;

    struct added {
        uuid id;           // of the open job that has the unique key, when there was one
        bool made = true;  // false: there was
    };
    /// Makes a job of the tenant, on behalf of this request: it is done if and only if the request takes
    /// effect. errc::quota_exceeded when as many of the tenant's jobs are open as its limits allow,
    /// errc::validation_failed for a kind, payload or key that no job can have. A job that is kept in Redis
    /// only is there at once, whatever becomes of the request; errc::unavailable when Redis does not take it.
    awaitable<result<added>> add(const tenancy::tenant_context& within, new_job what);

    /// Tells Redis of a job whose row this request has cancelled, once that has taken effect: one that waits
    /// does not take a place any more, the worker of one that runs hears of it. `row_waits`: see dispatch.
    void cancel_with(const tenancy::tenant_context& within, lane where, const uuid& id, bool row_waits);

    /// For whoever inserts rows without a request. Before the commit:
    awaitable<> hint_at(uuid tenant);
    /// After it.
    void push_soon(ticket what);

    /// Nothing is sent any more. On the reactor's thread.
    void stop();

private:
    class postman;
    awaitable<result<added>> add_row(const tenancy::tenant_context& within, new_job what);
    awaitable<result<added>> push_now(const tenancy::tenant_context& within, new_job what);

    dispatch& to_;
    metrics::counter& over_quota_;
    const std::shared_ptr<postman> postman_;  // shared with what it has under way
};

/// What Redis is to know of a job.
[[nodiscard]] ticket ticket_of(const uuid& tenant, const new_job& what);

}  // namespace bulkhead::queue
