// SPDX-License-Identifier: Apache-2.0
// What is kept of a receiver's answer, for whoever looks for the reason of a failure. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bulkhead::webhooks {

inline constexpr std::size_t most_response_bytes = 2048;

/// The beginning of an answer's body as text: well-formed UTF-8 without NUL, cut between characters. Whatever
/// is no text becomes U+FFFD.
[[nodiscard]] std::string response_text(std::string_view body);

}  // namespace bulkhead::webhooks
