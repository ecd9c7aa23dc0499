// SPDX-License-Identifier: Apache-2.0
#include "http/cross_origin.hpp"

#include "http/origin.hpp"

namespace bulkhead::http {

bool is_safe(verb method) noexcept {
    return method == verb::get || method == verb::head || method == verb::options;
}

result<> check_same_origin(const exchange& x, const cors_policy& allowed) {
    const auto& head = x.head();
    if (is_safe(head.method)) return {};
    const auto origin = lone_value(head, "Origin");
    if (origin && allowed.trusts(*origin)) return {};
    bool ours = !origin || is_own_origin(*origin, head.host, x.origin().secure);
    if (const auto site = lone_value(head, "Sec-Fetch-Site"))
        ours = *site == "same-origin" || *site == "none";
    if (ours) return {};
    return fail(errc::forbidden, "a page of another origin may not do this with a cookie");
}

}  // namespace bulkhead::http
