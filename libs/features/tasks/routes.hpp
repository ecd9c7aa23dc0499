// SPDX-License-Identifier: Apache-2.0
// A user's tasks over HTTP.
#pragma once

#include "http/router.hpp"

namespace bulkhead::tasks {

void mount(http::router& routes);

}  // namespace bulkhead::tasks
