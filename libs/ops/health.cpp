// SPDX-License-Identifier: Apache-2.0
#include "ops/health.hpp"

#include "base/version.hpp"

namespace bulkhead::ops {
namespace {

constexpr std::chrono::seconds patience{1};

std::string connection_word(bool up) { return up ? "connected" : "disconnected"; }

// GET /health
awaitable<result<health_report>> get_health(http::exchange& x) {
    co_return co_await x.service<health>().report();
}

// GET /health/live, /healthz
awaitable<result<liveness>> get_live(http::exchange&) { co_return liveness{"alive"}; }

// GET /health/ready, /readyz
awaitable<result<liveness>> get_ready(http::exchange& x) {
    if (auto ok = co_await x.service<health>().ready(); !ok) co_return std::unexpected(std::move(ok.error()));
    co_return liveness{"ready"};
}

}  // namespace

awaitable<result<std::int64_t>> health::schema_version() {
    const auto rows = co_await control_.control(tenancy::control_passage(), runtime::deadline::in(patience))
                          .read("select coalesce(max(version), 0) from schema_migrations");
    if (!rows) co_return std::unexpected(rows.error());
    co_return (*rows)[0].get<std::int64_t>(0);
}

awaitable<health_report> health::report() {
    const auto version = co_await schema_version();
    std::vector<std::string> ping{"PING"};  // named: GCC 12 rejects the braces inside co_await
    const auto pong = co_await redis_.command(std::move(ping), patience);
    const bool unhealthy = !version;
    const bool degraded = !pong;
    co_return health_report{.status = unhealthy  ? "unhealthy"
                                      : degraded ? "degraded"
                                                 : "healthy",
                            .database = connection_word(!unhealthy),
                            .redis = connection_word(!degraded),
                            .environment = state_.environment,
                            .version = std::string(version_text),
                            .timestamp = utc_now()};
}

awaitable<result<>> health::ready() {
    if (state_.draining) co_return fail(errc::unavailable, "shutting down");
    const auto version = co_await schema_version();
    if (!version) co_return fail(errc::unavailable, "the control database cannot be reached");
    if (*version < state_.schema_head)
        co_return fail(errc::unavailable, "migrations are pending: run bulkhead-migrator up");
    co_return result<>{};
}

void mount_health(http::router& routes) {
    const auto probe = [](std::string_view id, std::string_view summary) {
        return http::operation_texts{.id = id, .summary = summary, .tag = "health", .probe = true};
    };
    routes.get<get_health>("/health", probe("getHealth", "State of the service and its dependencies"));
    routes.get<get_live>("/health/live", probe("getLiveness", "The process is up"));
    routes.get<get_live>("/healthz", probe("getHealthz", "The process is up"));
    routes.get<get_ready>("/health/ready", probe("getReadiness", "Requests may come"));
    routes.get<get_ready>("/readyz", probe("getReadyz", "Requests may come"));
}

}  // namespace bulkhead::ops

namespace bulkhead::http {

response outcome<ops::health_report>::to_response(ops::health_report&& report) {
    const bool up = report.status != "unhealthy";
    auto out = json_response(up ? status::ok : status::service_unavailable, report);
    if (!up) out.header("Retry-After", "1");
    return out;
}

void outcome<ops::health_report>::document(operation& op) {
    auto described = schema::schema_of<ops::health_report>(op.components, schema::direction::response);
    op.answers(200, "healthy or degraded", described);
    op.answers(503, "unhealthy", std::move(described));
}

}  // namespace bulkhead::http
