// SPDX-License-Identifier: Apache-2.0
// A user's exports over HTTP.
#pragma once

#include "http/router.hpp"

namespace bulkhead::exports {

/// Handlers use the services queue::outbox and storage::store of their reactor.
void mount(http::router& routes);

}  // namespace bulkhead::exports
