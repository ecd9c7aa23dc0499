// SPDX-License-Identifier: Apache-2.0
// Whether a request that carries a cookie may change something: a browser attaches cookies whichever page
// makes it send the request, so the page must be one of ours. Browsers say so in headers that no page can
// forge. Safe from any thread.
#pragma once

#include "http/cors.hpp"
#include "http/exchange.hpp"

namespace bulkhead::http {

/// GET, HEAD and OPTIONS: they change nothing (RFC 9110 section 9.2.1).
[[nodiscard]] bool is_safe(verb method) noexcept;

/// errc::forbidden for an unsafe request of a page that is neither of this origin nor of one that `allowed`
/// names. Sec-Fetch-Site decides, where it is sent: "same-origin", or "none" when no page was involved. A
/// page of another subdomain is another site's here. Browsers before 2023 send only Origin, which must be the
/// Host then. Without both it was no browser, and nobody's cookie is abused.
[[nodiscard]] result<> check_same_origin(const exchange& x, const cors_policy& allowed);

}  // namespace bulkhead::http
