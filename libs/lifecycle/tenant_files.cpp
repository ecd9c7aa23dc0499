// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/tenant_files.hpp"

#include "observability/log.hpp"
#include "storage/file_tree.hpp"

namespace bulkhead::lifecycle {
namespace {

std::unexpected<error> tell(const storage::file_failure& why) {
    log::error("the storage failed", {{"kind", why.kind()}, {"reason", why.text()}});
    return std::unexpected(why.to_error());
}

}  // namespace

result<bool> remove_files(const site& at, const uuid& tenant) {
    const auto tree = storage::file_tree::open_existing(at.settings().storage_folder);
    if (!tree && tree.error().kind() == "absent") return false;
    if (!tree) return tell(tree.error());
    if (const auto gone = tree->remove_all(tenant); !gone) return tell(gone.error());
    return true;
}

}  // namespace bulkhead::lifecycle
