// SPDX-License-Identifier: Apache-2.0
// The limits as requests meet them: who is counted, by which policy, and what the answer says about it.
// Belongs to one reactor.
#pragma once

#include <map>

#include "http/request_limiter.hpp"
#include "ratelimit/limiter.hpp"

namespace bulkhead::ratelimit {

/// The name of the policies that tenants have of their own.
inline constexpr std::string_view tenant_policy = "tenant";

/// For all reactors; read-only.
struct rules {
    policy general{"default", {}};
    policy auth{"auth", {}};
};

class gate final : public http::request_limiter {
public:
    /// All references must outlive it.
    gate(limiter& counts, const rules& by, metrics::registry& numbers);

    /// By the rate class of its route. An IPv6 client is its /64.
    awaitable<result<>> count_client(http::exchange& x) override;

    /// Counts a request for all of `of`, or for none when one has used up its limit: then it is
    /// errc::too_many_requests with the time to wait. The answer gets RateLimit and RateLimit-Policy.
    awaitable<result<>> count(http::exchange& x, subjects of);

    [[nodiscard]] const policy& general() const noexcept { return rules_.general; }
    [[nodiscard]] limiter& counts() noexcept { return limiter_; }

private:
    awaitable<standing> check(http::exchange& x, const subjects& of);

    limiter& limiter_;
    const rules& rules_;
    std::map<std::string_view, metrics::counter*> limited_;  // by the name of a policy
};

}  // namespace bulkhead::ratelimit
