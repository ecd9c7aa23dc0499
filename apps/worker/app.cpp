// SPDX-License-Identifier: Apache-2.0
#include "app.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "lifecycle/housekeeping.hpp"
#include "observability/process_metrics.hpp"
#include "ops/debug_requests.hpp"
#include "ops/drain.hpp"
#include "ops/ops_routes.hpp"
#include "ops/tenant_metrics.hpp"
#include "persistence/migrations/embedded.hpp"
#include "runtime/shutdown_stack.hpp"
#include "runtime/signals.hpp"
#include "service/build_info.hpp"
#include "service/control_database.hpp"
#include "service/from_settings.hpp"
#include "service/notify.hpp"
#include "service/ports.hpp"
#include "tenancy/change_feed.hpp"

namespace bulkhead::worker {
namespace {

postgres::pool_settings pool_options(const config::settings& s, const postgres::conninfo& control,
                                     unsigned budget) {
    postgres::pool_settings out;
    out.budget = budget;
    out.pooler = service::database_pooler(s, control);
    out.session = service::session_options(s, "bulkhead-worker");
    return out;
}

}  // namespace

int serve(const config::loaded& configuration) {
    const auto& s = configuration.values;
    runtime::signals signals;  // before any thread, so that all inherit the mask
    const service::notifier notify;

    const http::endpoint_address ops_address{s.ops_bind, s.ops_port};
    service::require_free(ops_address, "OPS_PORT");
    const auto control = service::control_target(s);
    const auto sharing = service::share_options(s, service::meet_control_database(s, control), 1);

    metrics::registry metrics;
    metrics::add_process_metrics(metrics);
    service::add_build_info(metrics);
    http::server_metrics counts(metrics, metrics::label("server", "ops"));
    const auto box = service::data_box(s);
    ops::program_state state{.environment = std::string(config::environment_name(s.env)),
                             .schema_head = service::newest_control_schema()};

    // One reactor with its connections and the operator's port.
    runtime::reactor_group reactors("worker", 1);
    const auto ex = reactors[0].get_executor();
    constexpr auto of_feed = tenancy::change_feed::connections;
    postgres::pool_set pools(ex, pool_options(s, control, sharing.alone() - of_feed));
    redis::redis_client redis(ex, service::redis_target(s), service::redis_options(metrics));
    service::connection_share share(ex, redis, sharing,
                                    [&](unsigned connections) { pools.set_budget(connections - of_feed); });
    tenancy::registry tenants(pools, control, box, tenancy::registry_metrics(metrics));
    tenancy::change_feed feed(ex, control, service::session_options(s, "bulkhead-worker"), metrics);
    feed.tell(ex, tenants);
    ops::health health(state, tenants, redis);
    ops::tenant_metrics tenant_numbers(tenants, pools);
    ops::tenant_page tenant_page;
    tenant_page.add(ex, tenant_numbers);
    http::services services;
    ops::debug_pools debug_pools;
    debug_pools.explain_budget([&] { return share.reason(); });
    debug_pools.add(ex, pools, tenants);
    ops::add_pool_metrics(metrics, pools);
    services.add(metrics);
    services.add(debug_pools);
    services.add(health);
    services.add(tenant_page);

    // Work on tenants that blocks, on threads of its own.
    const auto schema = migrations::tenant_migrations();
    if (!schema) throw std::runtime_error(schema.error().message);
    runtime::blocking_pool threads("lifecycle", 1, 1);
    lifecycle::office office(threads, control, box, *schema, service::site_options(s, "worker"));
    lifecycle::housekeeping housekeeping(office, metrics,
                                         {.spares = s.tenant_spares, .control_schema = state.schema_head});

    http::router routes;
    ops::mount(routes);
    http::server server(ex, routes, services, {}, counts);
    ops::debug_requests debug_requests;
    debug_requests.add(ex, server);
    services.add(debug_requests);

    runtime::shutdown_stack stack;
    reactors.start();
    stack.push("reactor", [&] { reactors.stop(); });
    reactors.run_on_each([&](std::size_t) {
        pools.start();
        redis.start();
        feed.start();
        server.start(ops_address);
        share.start();
    });
    stack.push("connections", [&] {
        reactors.run_on_each([&](std::size_t) {
            feed.stop();
            redis.stop();
            pools.stop();
        });
    });
    stack.push("connection share", [&] { share.leave(); });
    housekeeping.start();
    log::info("listening", {{"ops_port", s.ops_port}});

    const auto status = fmt::format("listening on the operator's port {}", s.ops_port);
    service::keep_watchdog_quiet(notify, reactors);
    notify.ready(status);
    signals.on_reload([&] {
        notify.reloading();
        service::reload(program);
        notify.ready(status);
    });
    signals.wait();
    notify.stopping("finishing what is under way", service::longest_stop(s));
    const auto end = steady_clock::now() + s.shutdown_drain_delay + s.shutdown_timeout;
    housekeeping.ask_to_stop();
    ops::drain(state, reactors, [&](std::size_t) -> http::server& { return server; },
               {.delay = s.shutdown_drain_delay, .timeout = s.shutdown_timeout});
    const auto patience = std::max(end - steady_clock::now(), steady_clock::duration::zero());
    if (!housekeeping.stop_within(std::chrono::ceil<std::chrono::milliseconds>(patience))) {
        // A step of recorded work cannot be interrupted, but be left: the next worker goes on with it.
        log::warn("stopped while work on a tenant was under way");
        log::stop();
        std::_Exit(service::exit_ok);
    }
    stack.unwind();
    log::info("stopped");
    return service::exit_ok;
}

}  // namespace bulkhead::worker
