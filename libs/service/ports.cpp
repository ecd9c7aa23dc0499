// SPDX-License-Identifier: Apache-2.0
#include "service/ports.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace bulkhead::service {

void require_free(const http::endpoint_address& where, std::string_view setting) {
    if (const auto ok = http::check_listen(where); !ok)
        throw std::runtime_error(
            fmt::format("{}: set {} or stop what uses the port", ok.error().detail, setting));
}

}  // namespace bulkhead::service
