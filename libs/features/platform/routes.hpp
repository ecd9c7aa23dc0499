// SPDX-License-Identifier: Apache-2.0
// /api/platform: making, finding, pausing, changing and deleting tenants.
#pragma once

#include "http/router.hpp"

namespace bulkhead::platform {

/// Handlers use the services auth::platform_gate and auth::passwords of their reactor. Without a token for
/// the platform there is no gate: then do not mount.
void mount(http::router& routes);

}  // namespace bulkhead::platform
