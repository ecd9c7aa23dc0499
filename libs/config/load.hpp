// SPDX-License-Identifier: Apache-2.0
// From the environment to checked settings, with every problem found at once. For start-up: it reads files
// and the environment of the process; what it returns is plain data.
#pragma once

#include <expected>
#include <iosfwd>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "config/source.hpp"
#include "config/table.hpp"

namespace bulkhead::config {

struct loaded {
    settings values;
    std::vector<std::string> warnings;  // whole lines
    std::string report;                 // "NAME  value  (origin)" a line, secrets as "***[43 chars]***"
};

/// The settings of one program; rows it does not use are neither checked nor reported. On failure: all
/// problems, each "NAME: what is wrong and what to do", none of which holds a secret.
std::expected<loaded, std::vector<std::string>> load(program running, const environment_variables& variables);

/// --check-config: the report to `out` and 0, or every problem to `err` and 78 (EX_CONFIG). Warnings to
/// `err`.
int check_config(program running, std::ostream& out, std::ostream& err);

/// The text of infra/env.example.
std::string env_example();

}  // namespace bulkhead::config
