// SPDX-License-Identifier: Apache-2.0
#include "tenancy/registry_metrics.hpp"

namespace bulkhead::tenancy {

registry_metrics::registry_metrics(metrics::registry& in)
    : entries(in.add_gauge("bulkhead_tenant_cache_entries", "Tenants in memory, over all reactors")),
      hits(in.add_counter("bulkhead_tenant_cache_hits_total", "Tenants found in memory")),
      misses(in.add_counter("bulkhead_tenant_cache_misses_total",
                            "Tenants that were not in memory, or not fresh there")),
      loads(in.add_counter("bulkhead_tenant_cache_loads_total", "Tenants asked of the control database")),
      stale(in.add_counter("bulkhead_tenant_cache_stale_total",
                           "Tenants served from memory because the control database did not answer")) {}

}  // namespace bulkhead::tenancy
