// SPDX-License-Identifier: Apache-2.0
// A port that is taken is found out before anything else is started.
#pragma once

#include <string_view>

#include "http/server.hpp"

namespace bulkhead::service {

/// Throws std::runtime_error with one line that names address, reason and `setting` when nobody could listen
/// there.
void require_free(const http::endpoint_address& where, std::string_view setting);

}  // namespace bulkhead::service
