// SPDX-License-Identifier: Apache-2.0
// The migrator program: from the command line and the environment to an exit status (exit_code.hpp).
#pragma once

#include <span>
#include <string_view>

namespace bulkhead::migrator {

/// `words` are the arguments after the program's name. Throws only on bugs.
int run(std::span<const std::string_view> words);

}  // namespace bulkhead::migrator
