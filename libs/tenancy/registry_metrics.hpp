// SPDX-License-Identifier: Apache-2.0
// What a registry counts. Each reactor's registry makes its own shard of the same series.
#pragma once

#include "observability/metrics.hpp"

namespace bulkhead::tenancy {

struct registry_metrics {
    explicit registry_metrics(metrics::registry& in);

    metrics::gauge& entries;
    metrics::counter& hits;
    metrics::counter& misses;
    metrics::counter& loads;
    metrics::counter& stale;
};

}  // namespace bulkhead::tenancy
