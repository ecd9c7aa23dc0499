// SPDX-License-Identifier: Apache-2.0
// How each option of the command line, and each positional argument, gets into `arguments`. Constants; any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "arguments.hpp"

namespace bulkhead::migrator {

/// What is wrong, for stderr; nullopt when nothing is.
using problem = std::optional<std::string>;

struct option {
    std::string_view name;  // "--json"
    bool takes_value;
    problem (*set)(arguments&, std::string_view value);
};

/// nullptr when there is none of this name.
const option* find_option(std::string_view name) noexcept;

/// Where a positional argument goes; `name` as in the synopsis: "SLUG".
std::string arguments::*positional_member(std::string_view name) noexcept;

}  // namespace bulkhead::migrator
