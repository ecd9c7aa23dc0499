// SPDX-License-Identifier: Apache-2.0
// The end of a tenant, in two parts: deleted, it is out of reach and can come back; purged, nothing is left
// but the certificate. Blocking, up to minutes; one thread at a time.
#pragma once

#include <string_view>
#include <vector>

#include "lifecycle/operation.hpp"

namespace bulkhead::lifecycle {

/// At once out of reach, to be purged after settings().keep_deleted; then the work begins: a final archive
/// (when there is a folder for it), and the database is put away under another name. The slug stays taken.
/// errc::tenant_unknown; errc::conflict for a state that forbids it or unfinished work.
result<operation> begin_removal(site& at, std::string_view slug);
result<operation> continue_removal(site& at, const operation& begun);

/// Back to the state before, with all data. errc::conflict unless it is deleted.
result<operation> begin_undelete(site& at, std::string_view slug);
result<operation> continue_undelete(site& at, const operation& begun);

/// For a deleted tenant, whether its time has come or not. The keys are destroyed first; then the database,
/// the roles, its files, the final archives; last, in one transaction, its row goes and the deletion
/// certificate is written to the audit log. Cannot be taken back.
result<operation> begin_purge(site& at, std::string_view slug);
result<operation> continue_purge(site& at, const operation& begun);

/// The same when its time has come; else errc::conflict. By its id: between a list of those that are due and
/// this a tenant can come back, and its slug become another's.
result<operation> begin_due_purge(site& at, const uuid& tenant);

/// Deleted tenants whose time has come.
result<std::vector<uuid>> due_for_purge(const site& at);

}  // namespace bulkhead::lifecycle
