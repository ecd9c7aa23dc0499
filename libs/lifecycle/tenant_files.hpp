// SPDX-License-Identifier: Apache-2.0
// The files that a tenant has beside its database (STORAGE_URL), when it comes to its end. Blocking; one
// thread at a time.
#pragma once

#include "lifecycle/site.hpp"

namespace bulkhead::lifecycle {

/// Removes them all, also what an attempt that was cut short has left. False: the folder of the settings is
/// not here, so that nothing can be said of the files. errc::unavailable when the storage refuses.
result<bool> remove_files(const site& at, const uuid& tenant);

}  // namespace bulkhead::lifecycle
