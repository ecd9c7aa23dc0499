// SPDX-License-Identifier: Apache-2.0
// A tenant's webhooks over HTTP, for its owners and administrators.
#pragma once

#include "http/router.hpp"

namespace bulkhead::webhooks {

/// Handlers use the services webhooks::endpoints and queue::outbox of their reactor.
void mount(http::router& routes);

}  // namespace bulkhead::webhooks
