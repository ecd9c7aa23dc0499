// SPDX-License-Identifier: Apache-2.0
// What is counted of one request, and what a tenant's limits say of it, before it is served. A limit that is
// not set costs nothing. The place to change when a product is to be limited by something else. Belongs to
// one reactor.
#pragma once

#include <cstdint>
#include <optional>

#include "http/exchange.hpp"
#include "observability/metrics.hpp"
#include "ratelimit/gate.hpp"
#include "tenancy/tenant.hpp"

namespace bulkhead::tenancy {

class usage_quotas {
public:
    /// All references must outlive this object.
    usage_quotas(ratelimit::gate& gate, metrics::registry& counts);

    /// Counts a request for its user, when one is signed in, and for its tenant, when that has
    /// limits.requests_per_minute; for both or for none. errc::too_many_requests with the time to wait. True:
    /// that has taken time.
    awaitable<result<bool>> count_request(http::exchange& x, const tenant& of, std::optional<uuid> user);

    /// How many requests of the tenant were counted in the minute before now; nullopt for a tenant without
    /// such a limit, whose requests are not counted.
    awaitable<std::optional<std::int64_t>> requests_counted(const tenant& of);

    /// limits.storage_bytes, as last measured. errc::quota_exceeded for what would add to it; reading,
    /// deleting and operations that need no room go on.
    [[nodiscard]] result<> check_storage(const tenant& of, const http::exchange& x);

private:
    ratelimit::gate& gate_;
    metrics::counter& no_room_;
};

}  // namespace bulkhead::tenancy
