// SPDX-License-Identifier: Apache-2.0
// Claims the jobs of a reactor and writes down that they have succeeded. Those of one tenant that come up
// together share a transaction, so a busy worker waits for the disk once for many jobs, and an idle one for
// nobody else. Belongs to one reactor; outlives its runs.
#pragma once

#include "queue/job_store.hpp"
#include "queue/together.hpp"
#include "tenancy/registry.hpp"

namespace bulkhead::queue {

class job_ledger {
public:
    using tenant_ptr = std::shared_ptr<const tenancy::known_tenant>;

    explicit job_ledger(tenancy::registry& tenants);

    /// As of job_store.
    awaitable<result<job_store::claim_outcome>> claim(tenant_ptr of, uuid id);
    awaitable<result<bool>> end_succeeded(tenant_ptr of, job_store::success what);

private:
    using claims = together<uuid, job_store::claim_outcome>;
    using ends = together<job_store::success, bool>;

    awaitable<claims::answers> claim_all(tenant_ptr of, std::vector<uuid> all);
    awaitable<ends::answers> end_all(tenant_ptr of, std::vector<job_store::success> all);
    [[nodiscard]] job_store store(const tenancy::known_tenant& of) const;

    tenancy::registry& tenants_;
    claims claims_;
    ends ends_;
};

}  // namespace bulkhead::queue
