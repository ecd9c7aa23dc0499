// SPDX-License-Identifier: Apache-2.0
// Where a page of a list ended. Opaque to clients, bound to the list it was made for, checked against
// accidents. It grants nothing and hides nothing.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace bulkhead::platform {

/// `list` tells the list from others: its name and filters. `last` is the key of the page's last row.
std::string make_cursor(std::string_view list, std::string_view last);

/// The key. errc::validation_failed on /query/cursor when it was not made for this list.
result<std::string> read_cursor(std::string_view list, std::string_view cursor);

}  // namespace bulkhead::platform
