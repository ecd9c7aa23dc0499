// SPDX-License-Identifier: Apache-2.0
#include "auth/platform_context.hpp"

#include "auth/user_context.hpp"

namespace bulkhead::auth {

result<> platform_token::check(const http::request_head& head) const {
    const auto offered = bearer_token(head);
    if (!offered) return std::unexpected(offered.error());
    // Hashes have one length and hide the rest: the comparison tells nothing about the token.
    if (!constant_time_equal(sha256(*offered).view(), hash_.view()))
        return fail(errc::unauthenticated, "this is not the platform's token");
    return {};
}

}  // namespace bulkhead::auth

namespace bulkhead::http {

awaitable<result<auth::platform_context>> context<auth::platform_context>::make(exchange& x) {
    auto& gate = x.service<auth::platform_gate>();
    if (auto known = gate.token_.check(x.head()); !known) {
        x.log().warn("platform request refused");
        co_return std::unexpected(std::move(known.error()));
    }
    co_return auth::platform_context(gate, x);
}

void context<auth::platform_context>::document(operation& op) { op.fails(errc::unauthenticated); }

}  // namespace bulkhead::http
