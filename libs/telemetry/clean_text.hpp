// SPDX-License-Identifier: Apache-2.0
// Texts of clients on their way into JSON that leaves the house. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bulkhead::telemetry {

/// At most `longest` bytes of well-formed UTF-8: what is not ASCII becomes "?" when the text is malformed, or
/// is cut.
[[nodiscard]] std::string clean_text(std::string_view text, std::size_t longest);

}  // namespace bulkhead::telemetry
