// SPDX-License-Identifier: Apache-2.0
// The queue's way to tenants, for work that no request began. Only the classes named here may go it: a
// handler sees its tenant through its job_context. Has no state; belongs to the registry's reactor.
#pragma once

#include <vector>

#include "persistence/postgres/database.hpp"
#include "tenancy/registry.hpp"

namespace bulkhead::queue {

class tenant_access {
    friend class job_run;     // runs a job of one tenant
    friend class relay;       // brings a tenant's rows to Redis
    friend class cron;        // makes a tenant's jobs whose time has come
    friend class job_ledger;  // claims and ends jobs of one tenant
    friend class job_desk;    // an operator at the command line

    /// The tenant's database, whatever the tenant's status: judge that first, see tenancy::refusal_of.
    [[nodiscard]] static postgres::database open(tenancy::registry& in, const tenancy::known_tenant& of,
                                                 runtime::deadline limit);

    /// Active tenants with ids behind `after`, in the order of their ids, `most` at a time.
    static awaitable<result<std::vector<uuid>>> active(tenancy::registry& in, uuid after, unsigned most,
                                                       runtime::deadline limit);
    /// The same of deleted ones, and those that are being purged.
    static awaitable<result<std::vector<uuid>>> ended(tenancy::registry& in, uuid after, unsigned most,
                                                      runtime::deadline limit);

    static awaitable<result<std::vector<uuid>>> ids(postgres::database control, postgres::statement which,
                                                    uuid after, unsigned most);
};

}  // namespace bulkhead::queue
