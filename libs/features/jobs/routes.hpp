// SPDX-License-Identifier: Apache-2.0
// Jobs over HTTP: to see how far they are, and to cancel them. They are made by what needs them done.
#pragma once

#include "http/router.hpp"

namespace bulkhead::jobs {

/// Handlers use the service queue::outbox of their reactor.
void mount(http::router& routes);

}  // namespace bulkhead::jobs
