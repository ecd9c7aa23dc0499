// SPDX-License-Identifier: Apache-2.0
#include "ops/ops_routes.hpp"

#include "observability/metrics.hpp"
#include "ops/debug_pools.hpp"
#include "ops/health.hpp"

namespace bulkhead::ops {
namespace {

// GET /metrics
awaitable<result<http::response>> get_metrics(http::exchange& x) {
    http::response page{.content_type = "text/plain; version=0.0.4; charset=utf-8"};
    page.body = x.service<metrics::registry>().render();
    co_return page;
}

}  // namespace

void mount(http::router& routes) {
    mount_health(routes);
    mount_debug_pools(routes);
    routes.get<get_metrics>("/metrics", {.id = "getMetrics", .summary = "Prometheus metrics", .tag = "ops"});
}

}  // namespace bulkhead::ops
