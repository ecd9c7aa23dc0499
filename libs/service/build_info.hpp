// SPDX-License-Identifier: Apache-2.0
// What this program was made from.
#pragma once

#include <string_view>

#include "observability/metrics.hpp"

namespace bulkhead::service {

/// The commit of the sources when they were configured, "-dirty" when they differed from it; "unknown"
/// outside a repository.
[[nodiscard]] std::string_view build_commit() noexcept;

/// bulkhead_build_info{version,commit,compiler}, always 1.
void add_build_info(metrics::registry& to);

}  // namespace bulkhead::service
