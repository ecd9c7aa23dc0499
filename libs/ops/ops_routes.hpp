// SPDX-License-Identifier: Apache-2.0
// The operator's port: health and metrics, apart from what clients can reach.
#pragma once

#include "http/router.hpp"

namespace bulkhead::ops {

/// GET /metrics, /tenant-metrics, /debug/pools and the health routes. Handlers use the services
/// metrics::registry, ops::tenant_page, ops::debug_pools and ops::health.
void mount(http::router& routes);

}  // namespace bulkhead::ops
