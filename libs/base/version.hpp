// SPDX-License-Identifier: Apache-2.0
// The version of the whole project, as CMakeLists.txt states it.
#pragma once

#include <string_view>

namespace bulkhead {

inline constexpr std::string_view version_text = BULKHEAD_VERSION;

}  // namespace bulkhead
