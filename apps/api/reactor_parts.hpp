// SPDX-License-Identifier: Apache-2.0
// All that belongs to one reactor of the API: its connections to PostgreSQL and Redis, its tenant cache, its
// token checker, its server. Nothing in here is shared with another reactor.
#pragma once

#include <memory>
#include <optional>

#include "auth/access_token.hpp"
#include "auth/passwords.hpp"
#include "auth/session_cookies.hpp"
#include "clients.hpp"
#include "config/settings.hpp"
#include "features/webhooks/endpoints.hpp"
#include "http/admission.hpp"
#include "http/server.hpp"
#include "numbers.hpp"
#include "offices.hpp"
#include "ops/debug_pools.hpp"
#include "ops/debug_requests.hpp"
#include "ops/health.hpp"
#include "ops/tenant_metrics.hpp"
#include "pages.hpp"
#include "persistence/postgres/pool_set.hpp"
#include "persistence/redis/client.hpp"
#include "queue/dispatch.hpp"
#include "queue/outbox.hpp"
#include "reports.hpp"
#include "runtime/reactor.hpp"
#include "storage/store.hpp"
#include "tenancy/directory.hpp"
#include "tenancy/idempotency.hpp"
#include "tenancy/registry.hpp"

namespace bulkhead::api {

/// What reactors share; read-only or safe from any thread. Must outlive them.
struct shared_parts {
    const config::settings& settings;
    const postgres::conninfo& control;
    const postgres::pool_settings& pools;
    const sealed_box& box;
    const ops::program_state& state;
    self_description& about;
    auth::passwords& passwords;
    clients& known_clients;
    const http::cors_policy& cors;
    auth::session_cookies& cookies;
    std::size_t hashes;  // that a reactor may have under way
    metrics::registry& metrics;
    ops::tenant_page& tenant_numbers;
    const http::router& routes;
    const http::router& ops_routes;
    ops::debug_pools& debug_pools;
    ops::debug_requests& debug_requests;
    reports& outgoing;
    numbers& counted;
    std::optional<offices>& platform;  // none without a token
    http::compression* compressor;     // null: off
    storage::store& files;
};

class reactor_parts {
public:
    reactor_parts(runtime::reactor& home, const shared_parts& shared);

    /// On the reactor's thread. `with_ops`: this one also serves the operator's port.
    void start(bool with_ops);
    void stop();

    [[nodiscard]] http::server& server() noexcept { return server_; }
    [[nodiscard]] tenancy::registry& tenants() noexcept { return tenants_; }
    [[nodiscard]] postgres::pool_set& pools() noexcept { return pools_; }
    [[nodiscard]] redis::redis_client& redis() noexcept { return redis_; }

private:
    const shared_parts& shared_;
    postgres::pool_set pools_;
    redis::redis_client redis_;
    tenancy::registry tenants_;
    ratelimit::limiter limiter_;
    ratelimit::gate gate_;
    tenancy::usage_quotas quotas_;
    tenancy::directory directory_;
    tenancy::idempotency idempotency_;
    queue::dispatch dispatch_;
    queue::outbox outbox_;
    webhooks::endpoints webhooks_;
    auth::access_tokens tokens_;
    std::optional<auth::platform_gate> platform_gate_;
    ops::health health_;
    ops::tenant_metrics tenant_numbers_;
    reactor_reports reports_;
    reactor_numbers numbers_;
    http::server_metrics counts_;
    http::server_metrics ops_counts_;
    http::services services_;
    http::admission admission_;
    http::server server_;
    http::server ops_server_;
};

}  // namespace bulkhead::api
