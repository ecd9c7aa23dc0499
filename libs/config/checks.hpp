// SPDX-License-Identifier: Apache-2.0
// What must hold between settings, and what production refuses. Pure, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"

namespace bulkhead::config {

struct finding {
    std::string_view name;  // of the setting to change
    std::string text;
};

/// Every violation. Settings that are not used, or could not be parsed, hold their initial value and pass.
std::vector<finding> cross_check(const settings& values);

}  // namespace bulkhead::config
