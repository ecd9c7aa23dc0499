// SPDX-License-Identifier: Apache-2.0
// A new tenant from an archive: see archive.hpp. Blocking, as long as the data needs; one thread at a time.
#pragma once

#include <string>

#include "lifecycle/creation.hpp"

namespace bulkhead::lifecycle {

/// Takes the slug and records the work. The file must be readable, under this path, by whoever continues it.
/// An empty name and no limits mean those of the archive; an owner cannot be given, the users come along.
/// errc::validation_failed on /archive for one that is missing, damaged or too new, else as check();
/// errc::conflict when the slug is taken.
result<operation> begin_import(site& at, const std::string& path, const new_tenant& wanted);

/// Does what begin_import recorded, or what is left of it. See run_saga.
result<operation> continue_import(site& at, const operation& begun);

}  // namespace bulkhead::lifecycle
