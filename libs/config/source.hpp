// SPDX-License-Identifier: Apache-2.0
// Finds the text of one setting among its spellings: NAME, NAME_FILE, and the same of every alias. Reads
// files, so it is for start-up only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/table.hpp"

namespace bulkhead::config {

using environment_variables = std::map<std::string, std::string>;

/// A copy of the process's environment. Call it before there are other threads.
environment_variables current_environment();

struct found_text {
    std::string origin;  // the variable it came from: "PORT", "JWT_SECRET_FILE"
    std::string text;
};

/// The text of `setting`, nullopt when no spelling is set; an empty value counts as not set. Problems and
/// warnings are appended as whole lines, each beginning with a name; after a problem the result means
/// nothing.
std::optional<found_text> find_text(const row& setting, const environment_variables& variables,
                                    std::vector<std::string>& problems, std::vector<std::string>& warnings);

/// One line for each BULKHEAD_ variable that means nothing, with the name that was probably meant.
std::vector<std::string> warn_unknown(const environment_variables& variables);

}  // namespace bulkhead::config
