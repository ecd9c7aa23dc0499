// SPDX-License-Identifier: Apache-2.0
// Looks at one tenant's database with a connection of its own, so that neither its pools nor other tenants
// are touched. Blocking, a few seconds at most; one thread at a time.
#pragma once

#include <string_view>

#include "features/platform/model.hpp"
#include "lifecycle/site.hpp"

namespace bulkhead::platform {

/// errc::tenant_unknown when there is none. A database that does not answer is no error but what is reported.
result<tenant_health> inspect(lifecycle::site& at, std::string_view slug);

}  // namespace bulkhead::platform
