// SPDX-License-Identifier: Apache-2.0
// Tells secrets that anybody could guess from those that somebody made. Pure, safe from any thread.
#pragma once

#include <string_view>

namespace bulkhead::config {

/// Why this is no secret, as it stands after "NAME: "; empty when nothing is known against it. Length is not
/// judged.
std::string_view weakness(std::string_view secret);

}  // namespace bulkhead::config
