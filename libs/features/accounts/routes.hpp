// SPDX-License-Identifier: Apache-2.0
// Signing up, signing in, and who am I.
#pragma once

#include "http/router.hpp"

namespace bulkhead::accounts {

/// Handlers use the services auth::passwords, auth::access_tokens and tenancy::directory of their reactor.
void mount(http::router& routes);

}  // namespace bulkhead::accounts
