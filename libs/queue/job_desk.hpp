// SPDX-License-Identifier: Apache-2.0
// What operators do with jobs: look at them, make one, try again, cancel, discard. The database decides;
// Redis is told afterwards, and finds out by itself if that fails. Belongs to one reactor.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "queue/dispatch.hpp"
#include "queue/hints.hpp"
#include "queue/job.hpp"
#include "queue/job_store.hpp"
#include "tenancy/registry.hpp"

namespace bulkhead::queue {

/// A row of the table jobs, for people.
struct job_row {
    uuid id;
    std::string kind;
    lane of = lane::normal;
    std::string state;  // as the API names them: pending, scheduled, running, succeeded, failed, cancelled
    priority urgency = priority::normal;
    unsigned attempt = 0, most_attempts = 0, lost = 0;
    std::string run_at, created_at, started_at, finished_at;  // RFC 3339; empty: not yet
    std::string unique_key;
    std::optional<uuid> user;
    std::optional<unsigned> progress;
    std::string note;
    std::string errors;               // JSON
    std::string payload, checkpoint;  // JSON; of one job only
    std::string result;               // JSON; empty: none
};

struct job_filter {
    std::string state{};  // empty: any
    std::string kind{};   // the same
    unsigned most = 50;
};

class job_desk {
public:
    job_desk(tenancy::registry& tenants, dispatch& to, redis::redis_client& redis)
        : tenants_(tenants), to_(to), hints_(redis) {}

    using tenant_ptr = std::shared_ptr<const tenancy::known_tenant>;
    /// errc::tenant_unknown when there is none.
    awaitable<result<tenant_ptr>> find_tenant(std::string slug);

    /// The newest first.
    awaitable<result<std::vector<job_row>>> list(tenant_ptr of, job_filter which);
    /// errc::not_found when there is none.
    awaitable<result<job_row>> show(tenant_ptr of, uuid id);

    /// nullopt: an open job has its unique key. errc::tenant_suspended when the tenant is closed.
    struct enqueued {
        bool made = true;
        bool told = true;  // false: Redis did not take it; its row is found within minutes
    };
    awaitable<result<enqueued>> enqueue(tenant_ptr of, new_job what);

    /// These say whether there was such a job in a state in which that can be done.
    awaitable<result<bool>> retry(tenant_ptr of, uuid id);
    awaitable<result<bool>> cancel(tenant_ptr of, uuid id);
    awaitable<result<bool>> discard(tenant_ptr of, uuid id);

private:
    [[nodiscard]] postgres::database open(const tenant_ptr& of) const;
    awaitable<> hint_at(uuid tenant) const;

    tenancy::registry& tenants_;
    dispatch& to_;
    hints hints_;
};

}  // namespace bulkhead::queue
