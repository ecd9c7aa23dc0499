// SPDX-License-Identifier: Apache-2.0
// A new tenant with another one's data of one moment: under its own id, with its own roles, passwords and
// keys, and without its sessions. The source stays in use. Blocking, as long as the data needs; one thread at
// a time.
#pragma once

#include <string_view>

#include "lifecycle/creation.hpp"

namespace bulkhead::lifecycle {

/// Takes the slug and records the work. An empty name and no limits mean the source's; an owner cannot be
/// given, the users come along. errc::tenant_unknown for an unknown source; errc::conflict when it has no
/// data to copy or the slug is taken; errc::validation_failed as check().
result<operation> begin_clone(site& at, std::string_view source, const new_tenant& wanted);

/// Does what begin_clone recorded, or what is left of it: what is in the source when its data are read will
/// be in the clone. See run_saga.
result<operation> continue_clone(site& at, const operation& begun);

}  // namespace bulkhead::lifecycle
