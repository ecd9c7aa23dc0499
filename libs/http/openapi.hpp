// SPDX-License-Identifier: Apache-2.0
// The OpenAPI 3.1 document of a route table: everything in it comes from the rows and their described types.
#pragma once

#include <string>
#include <string_view>

#include "http/router.hpp"

namespace bulkhead::http {

struct api_info {
    std::string_view title;
    std::string_view version;
    std::string_view description;
};

/// The document as JSON text; the same table always gives the same bytes.
std::string openapi_document(const router& routes, const api_info& info);

}  // namespace bulkhead::http
