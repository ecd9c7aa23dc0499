// SPDX-License-Identifier: Apache-2.0
// Work on tenants that blocks, on a thread of its own: what was left behind, what is due, stock and numbers.
// Main thread only; what it is made of must outlive it.
#pragma once

#include "base/sealed_box.hpp"
#include "config/settings.hpp"
#include "lifecycle/housekeeping.hpp"
#include "lifecycle/office.hpp"
#include "observability/metrics.hpp"
#include "persistence/migrations/migration.hpp"
#include "runtime/blocking_pool.hpp"

namespace bulkhead::worker {

class tenant_work {
public:
    tenant_work(const config::settings& s, const postgres::conninfo& control, const sealed_box& box,
                std::int64_t control_schema, metrics::registry& counts);

    [[nodiscard]] lifecycle::housekeeping& housekeeping() noexcept { return housekeeping_; }

private:
    const migrations::migration_set schema_;
    runtime::blocking_pool threads_;
    lifecycle::office office_;
    lifecycle::housekeeping housekeeping_;
};

}  // namespace bulkhead::worker
