// SPDX-License-Identifier: Apache-2.0
// Settings that name files: whether the files are what they should be. Reads them, so it is for start-up and
// reloads only.
#pragma once

#include <vector>

#include "config/checks.hpp"
#include "config/table.hpp"

namespace bulkhead::config {

/// Every problem that `running` has with them. Settings that are not set, or not used by it, pass.
std::vector<finding> check_files(const settings& values, program running);

}  // namespace bulkhead::config
