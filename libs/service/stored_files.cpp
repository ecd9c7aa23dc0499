// SPDX-License-Identifier: Apache-2.0
#include "service/stored_files.hpp"

#include <stdexcept>

namespace bulkhead::service {
namespace {

constexpr std::size_t thread_count = 2;
/// What a caller is done with is closed behind its back, while it goes on.
constexpr std::size_t calls_of_one = 2;

storage::file_tree open(const std::string& folder) {
    auto tree = storage::file_tree::open_root(folder);
    if (!tree) throw std::runtime_error("STORAGE_URL cannot be used: " + tree.error().text());
    return *std::move(tree);
}

}  // namespace

stored_files::stored_files(const config::settings& from, metrics::registry& counts, std::size_t callers)
    : threads_("storage", thread_count, calls_of_one * callers),
      files_(open(from.storage_folder), threads_, counts) {}

}  // namespace bulkhead::service
