// SPDX-License-Identifier: Apache-2.0
#include "ops/ops_routes.hpp"

#include "observability/metrics.hpp"
#include "ops/debug_pools.hpp"
#include "ops/debug_requests.hpp"
#include "ops/health.hpp"
#include "ops/log_level.hpp"
#include "ops/tenant_metrics.hpp"

namespace bulkhead::ops {
namespace {

constexpr std::string_view prometheus_text = "text/plain; version=0.0.4; charset=utf-8";

// GET /metrics
awaitable<result<http::response>> get_metrics(http::exchange& x) {
    http::response page{.content_type = prometheus_text};
    page.body = x.service<metrics::registry>().render();
    co_return page;
}

// GET /tenant-metrics
awaitable<result<http::response>> get_tenant_metrics(http::exchange& x) {
    auto text = co_await x.service<tenant_page>().text();
    if (!text) co_return std::unexpected(std::move(text.error()));
    http::response page{.content_type = prometheus_text};
    page.body = *std::move(text);
    co_return page;
}

}  // namespace

void mount(http::router& routes) {
    mount_health(routes);
    mount_debug_pools(routes);
    mount_debug_requests(routes);
    mount_log_level(routes);
    routes.get<get_metrics>("/metrics", {.id = "getMetrics", .summary = "Prometheus metrics", .tag = "ops"});
    routes.get<get_tenant_metrics>(
        "/tenant-metrics",
        {.id = "getTenantMetrics", .summary = "Prometheus metrics by tenant", .tag = "ops"});
}

}  // namespace bulkhead::ops
