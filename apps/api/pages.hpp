// SPDX-License-Identifier: Apache-2.0
// What the API says about itself: banner, OpenAPI document, Swagger UI.
#pragma once

#include <string>

#include "http/router.hpp"

namespace bulkhead::api {

/// Service of the page handlers.
struct self_description {
    std::string environment;
    std::string openapi;  // the document
};

void mount_banner(http::router& routes);

/// /openapi.json, /api-docs, /docs and their assets; not part of the document themselves, so mount them last.
void mount_docs(http::router& routes);

}  // namespace bulkhead::api
