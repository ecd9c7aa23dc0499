// SPDX-License-Identifier: Apache-2.0
// Which passwords may be chosen (NIST SP 800-63B section 3.1.1.2, OWASP ASVS 6.2): long enough, not among the
// first guesses, not made of what everybody knows about the user. No composition rules. Safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace bulkhead::auth {

inline constexpr std::size_t password_min_length = 8;    // code points
inline constexpr std::size_t password_max_length = 256;  // code points

/// What is wrong with `password` (well-formed UTF-8), if anything. Codes, first match wins: "too_short",
/// "too_long", "too_common" (a widespread password, one character repeated, a run along the alphabet, the
/// digits or a keyboard), "contains_personal_data" (the e-mail; its local part or the tenant's name from 4
/// characters on). Comparison ignores ASCII case. `pointer` names the member in the answer.
std::optional<field_error> check_password(std::string_view password, std::string_view email,
                                          std::string_view tenant_name, std::string pointer = "/password");

}  // namespace bulkhead::auth
