// SPDX-License-Identifier: Apache-2.0
// GET /api/usage: a tenant's limits and what is used of them.
#pragma once

#include "http/router.hpp"

namespace bulkhead::usage {

/// Handlers use the service tenancy::usage_quotas of their reactor.
void mount(http::router& routes);

}  // namespace bulkhead::usage
