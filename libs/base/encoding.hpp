// SPDX-License-Identifier: Apache-2.0
// Hex, base64 and base64url (RFC 4648). Decoders are strict: one byte string has exactly one accepted
// spelling.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bulkhead {

std::string to_hex(std::span<const std::byte> bytes);
std::string to_hex(std::string_view bytes);

/// Lower or upper case, even length; nullopt otherwise.
std::optional<std::string> from_hex(std::string_view text);

/// With padding (RFC 4648 section 4).
std::string to_base64(std::string_view bytes);

/// Padding required, no white space, unused bits must be zero (RFC 4648 section 3.5).
std::optional<std::string> from_base64(std::string_view text);

/// Without padding (RFC 4648 section 5, as JOSE uses it: RFC 7515 section 2).
std::string to_base64url(std::string_view bytes);

/// No padding, no white space, unused bits must be zero.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace bulkhead
