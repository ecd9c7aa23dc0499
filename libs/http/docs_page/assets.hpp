// SPDX-License-Identifier: Apache-2.0
// The page under /api-docs: Swagger UI over /openapi.json, all of it inside the program, so that it works
// without a network and under a policy that allows no foreign host and no inline script. Immutable; safe from
// any thread.
#pragma once

#include <span>
#include <string_view>

namespace bulkhead::http::docs_page {

struct asset {
    std::string_view name;  // the last segment of its path
    std::string_view content_type;
    std::string_view bytes;
    std::string_view etag;  // strong, quoted
};

/// The Content-Security-Policy that the page and its assets need.
inline constexpr std::string_view content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The HTML page itself: GET /api-docs and /docs.
const asset& index();

/// What the page loads: GET /api-docs/assets/{name}. Any number of files; the page is not among them.
std::span<const asset> assets();

/// The asset with this name, nullptr when there is none.
const asset* find(std::string_view name);

}  // namespace bulkhead::http::docs_page
