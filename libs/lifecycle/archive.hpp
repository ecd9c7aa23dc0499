// SPDX-License-Identifier: Apache-2.0
// A tenant as one portable file, with its data of one moment, and back: see import.hpp. The file is a tar
// that any tool can read, and pg_restore takes what is in it; it holds the tenant's data in the clear, so
// only its owner may read it. Blocking, as long as the data needs; one thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lifecycle/archive_manifest.hpp"
#include "lifecycle/site.hpp"

namespace bulkhead::lifecycle {

/// Writes the archive of a tenant, which stays in use meanwhile, to a new file of this machine; nothing is
/// there before it is complete. Sessions are not part of it. errc::tenant_unknown; errc::conflict for a state
/// without data and for a name that is taken.
result<archive_manifest> export_tenant(site& at, std::string_view slug, const std::string& path);

/// The last archive of a tenant that is about to go: in settings().backup_folder, under a name that sorts by
/// tenant and time and that nobody can guess. Returns the path; "" when there is no folder for it.
result<std::string> final_backup(site& at, const tenancy::tenant& of);

/// What became of the last archives of a tenant that is purged.
struct forgotten_backups {
    std::vector<std::string> removed;
    std::vector<std::string> out_of_reach;  // recorded, but not on this machine
};

/// Removes what final_backup made for the tenant, also what a run that was killed left. May be repeated.
/// errc::unavailable when a file cannot be removed.
result<forgotten_backups> forget_final_backups(site& at, const uuid& tenant);

}  // namespace bulkhead::lifecycle
