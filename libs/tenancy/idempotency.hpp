// SPDX-License-Identifier: Apache-2.0
// Writes that are done once, however often they are sent: those with an Idempotency-Key, within a tenant. The
// answer is kept in the tenant's database by the transaction that does the work, so there is never one
// without the other, whenever the program dies. Only the first write of a handler begins that transaction:
// what waits before (a password's hash) keeps no connection. Belongs to one reactor.
#pragma once

#include <chrono>
#include <functional>

#include "base/sealed_box.hpp"
#include "http/idempotency_key.hpp"
#include "observability/metrics.hpp"
#include "tenancy/idempotency_records.hpp"
#include "tenancy/tenant_context.hpp"

namespace bulkhead::tenancy {

struct idempotency_settings {
    std::chrono::milliseconds kept{std::chrono::hours(24)};  // an answer
};

class idempotency {
public:
    /// `box` and the metrics must outlive this object.
    idempotency(const sealed_box& box, metrics::registry& counts, idempotency_settings settings = {});

    using handler = std::function<awaitable<http::response>()>;

    /// The answer to a request with a key: the kept one, a refusal (409 while another one with the same key
    /// is under way, 422 when the key was another request's), or what the handler says. With 2xx that is kept
    /// if anything was written. What was written before a 4xx holds, as it would without the key; before a
    /// 5xx it is undone. The handler uses `within`, and may run again when the database undid it for a
    /// passing reason.
    awaitable<http::response> serve(http::exchange& x, tenant_context& within, uuid user, handler run);

private:
    class claim;
    struct round;
    awaitable<round> serve_once(http::exchange& x, tenant_context& within, const idempotent_request& what,
                                const handler& run);
    awaitable<round> settle(http::exchange& x, const idempotent_request& what, claim& held,
                            http::response answer);
    http::response replay(http::exchange& x, const idempotent_request& what, const kept_answer& kept);
    http::response refuse(const http::exchange& x, const error& why);

    const sealed_box& box_;
    const idempotency_settings settings_;
    metrics::counter& replayed_;
    metrics::counter& running_;
    metrics::counter& reused_;
    metrics::counter& gone_;
};

/// Around the handler of a context within a tenant: with an Idempotency-Key it takes effect once. `user`:
/// whose key it is; nil for anybody's. Service: idempotency.
template <class Context>
awaitable<http::response> enclose(http::exchange& x, tenant_context& within, const uuid& user, Context& made,
                                  http::served_by<Context> handler) {
    if (!http::has_idempotency_key(x.head())) return handler(x, made);
    return x.service<idempotency>().serve(x, within, user, [&x, &made, handler] { return handler(x, made); });
}

}  // namespace bulkhead::tenancy
