// SPDX-License-Identifier: Apache-2.0
// What a tenant's limits say of one request, before it is served. A limit that is not set costs nothing. The
// place to change when a product is to be limited by something else. Belongs to one reactor.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "http/exchange.hpp"
#include "observability/metrics.hpp"
#include "persistence/redis/client.hpp"
#include "tenancy/tenant.hpp"

namespace bulkhead::tenancy {

/// Requests in a window that slides: those of the last whole window count by the part of it that the sliding
/// one still covers. Two numbers instead of a list of times, for an error of a few percent. A plain value.
class sliding_count {
public:
    /// Counts one more request when `limit` allows it in `window`. Nothing: it is counted. Else: how long to
    /// wait until one would be.
    std::optional<std::chrono::milliseconds> take(std::int64_t limit, std::chrono::milliseconds now,
                                                  std::chrono::milliseconds window);

    /// How many are in the window now, rounded up.
    [[nodiscard]] std::int64_t count(std::chrono::milliseconds now, std::chrono::milliseconds window) const;

    /// Nothing of it matters any more.
    [[nodiscard]] bool over(std::chrono::milliseconds now, std::chrono::milliseconds window) const {
        return now / window > index_ + 1;
    }

private:
    std::int64_t index_ = -1;  // of the current window
    std::int64_t current_ = 0;
    std::int64_t previous_ = 0;
};

struct quota_settings {
    std::chrono::milliseconds window{60'000};
    std::int64_t reactors = 1;        // of this program: without Redis each has its part of the limit
    std::size_t most_tenants = 4096;  // counted without Redis
};

class usage_quotas {
public:
    /// All references must outlive this object.
    usage_quotas(redis::redis_client& shared, metrics::registry& counts, quota_settings settings = {});

    /// limits.requests_per_minute, over all processes that share the Redis; by this reactor's own count while
    /// that is away. errc::too_many_requests with the time to wait.
    /// `recording`: of the request that is counted.
    awaitable<result<>> count_request(const tenant& of, trace::recorder_ptr recording = {});

    /// How many count_request has let pass in the window before now; nullopt for a tenant without such a
    /// limit, whose requests are not counted.
    awaitable<std::optional<std::int64_t>> requests_counted(const tenant& of);

    /// limits.storage_bytes, as last measured. errc::quota_exceeded for what would add to it; reading,
    /// deleting and operations that need no room go on.
    [[nodiscard]] result<> check_storage(const tenant& of, const http::exchange& x);

private:
    awaitable<std::chrono::milliseconds> wait_for(const uuid& id, std::int64_t limit,
                                                  trace::recorder_ptr recording);
    std::chrono::milliseconds count_here(const uuid& id, std::int64_t limit);

    redis::redis_client& shared_;
    metrics::counter& too_many_;
    metrics::counter& no_room_;
    const quota_settings settings_;
    std::unordered_map<uuid, sliding_count> here_;
};

}  // namespace bulkhead::tenancy
