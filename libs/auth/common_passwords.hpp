// SPDX-License-Identifier: Apache-2.0
// The passwords that guessing starts with: the widespread ones of at least 8 characters, with the variants
// people make of them. A compiled-in table; safe from any thread.
#pragma once

#include <span>
#include <string_view>

namespace bulkhead::auth {

/// Lower case, sorted by bytes.
std::span<const std::string_view> common_passwords() noexcept;

/// Whether `password` is in the table, in whatever ASCII case.
[[nodiscard]] bool is_common_password(std::string_view password);

}  // namespace bulkhead::auth
