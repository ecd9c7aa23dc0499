// SPDX-License-Identifier: Apache-2.0
// Settings that name files: whether the files are what they should be. Reads them, so it is for start-up and
// reloads only.
#pragma once

#include <vector>

#include "config/checks.hpp"

namespace bulkhead::config {

/// Every problem. Settings that are not set, or not used by the program, pass.
std::vector<finding> check_files(const settings& values);

}  // namespace bulkhead::config
