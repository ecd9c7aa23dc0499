// SPDX-License-Identifier: Apache-2.0
// The operator's port: health and metrics, apart from what clients can reach.
#pragma once

#include "http/router.hpp"

namespace bulkhead::ops {

/// GET /metrics and the health routes. Handlers use the services metrics::registry and ops::health.
void mount(http::router& routes);

}  // namespace bulkhead::ops
