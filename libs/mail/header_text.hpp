// SPDX-License-Identifier: Apache-2.0
// How texts stand in the header of a mail: encoded words for what is not ASCII (RFC 2047), folding so that no
// line is longer than RFC 5322 section 2.1.1 asks for. Bodies are libcurl's work. Pure functions, safe from
// any thread; whoever calls them has refused control characters before (`is_one_line`).
#pragma once

#include <string>
#include <string_view>

#include "base/time.hpp"

namespace bulkhead::mail {

/// UTF-8 without control characters (C0, DEL, C1, U+2028, U+2029), so that it can neither end a header line
/// nor begin another one.
[[nodiscard]] bool is_one_line(std::string_view text) noexcept;

/// "Name: text", folded at blanks. `text` is unstructured (RFC 5322 section 3.2.5): as it is when it is
/// ASCII, else as encoded words.
[[nodiscard]] std::string text_header(std::string_view name, std::string_view text);

/// "Name: Ada <ada@example.com>", the name as atoms, a quoted string or encoded words (RFC 5322 section 3.4);
/// without a name the address alone.
[[nodiscard]] std::string address_header(std::string_view name, std::string_view display_name,
                                         std::string_view address);

/// "Sun, 06 Nov 1994 08:49:37 +0000" (RFC 5322 section 3.3).
[[nodiscard]] std::string header_date(utc_time time);

}  // namespace bulkhead::mail
