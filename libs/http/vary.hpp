// SPDX-License-Identifier: Apache-2.0
// On which request headers an answer depends (RFC 9110 section 12.5.5). Several parts of the server have
// something to say about that, and all of it must stand. Safe from any thread.
#pragma once

#include <string_view>

#include "http/response.hpp"

namespace bulkhead::http {

/// Adds the elements of `fields` ("Origin, Accept-Encoding") to the answer's Vary, each once.
void vary_on(response& answer, std::string_view fields);

}  // namespace bulkhead::http
