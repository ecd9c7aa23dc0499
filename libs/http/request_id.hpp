// SPDX-License-Identifier: Apache-2.0
// The name of a request in logs, problems and X-Request-ID.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bulkhead::http {

/// Sets `out` to what the client sent when it is sane (1 to 128 of A-Z a-z 0-9 . _ - : +), else to a new
/// UUIDv7.
void choose_request_id(std::string& out, std::optional<std::string_view> sent);

}  // namespace bulkhead::http
