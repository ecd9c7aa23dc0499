// SPDX-License-Identifier: Apache-2.0
// Lists of web origins, normalised to the spelling that browsers send, so that they can be compared byte for
// byte. Pure functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/parsers.hpp"

namespace bulkhead::config {

/// scheme://host[:port] and no more, as RFC 6454 section 6.2 serialises it: lower case, the shortest form of
/// an IPv6 address, no default port.
parsed<std::string> parse_origin(std::string_view text);

/// Up to 100 of them with commas between, each once; or "*" alone.
parsed<std::vector<std::string>> parse_origins(std::string_view text);

}  // namespace bulkhead::config
