// SPDX-License-Identifier: Apache-2.0
// A look at the route table before it serves: no answer that carries a secret may be compressed. Start-up
// only.
#pragma once

#include <string_view>
#include <vector>

#include "http/router.hpp"

namespace bulkhead::http {

/// The ids of the operations whose documented success has a member named like a token, key, password or
/// secret, and which may be compressed all the same.
std::vector<std::string_view> compressible_secrets(const router& routes);

/// Throws std::logic_error that names them: their rows lack `.compress = false`.
void require_secrets_uncompressed(const router& routes);

}  // namespace bulkhead::http
