// SPDX-License-Identifier: Apache-2.0
#include "app.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <vector>

#include "base/random.hpp"
#include "debug_jobs.hpp"
#include "job_drain.hpp"
#include "job_reports.hpp"
#include "lifecycle/housekeeping.hpp"
#include "observability/process_metrics.hpp"
#include "ops/debug_requests.hpp"
#include "ops/drain.hpp"
#include "ops/ops_routes.hpp"
#include "ops/tenant_metrics.hpp"
#include "persistence/migrations/embedded.hpp"
#include "queue/heartbeat.hpp"
#include "queue/relay.hpp"
#include "runtime/shutdown_stack.hpp"
#include "runtime/signals.hpp"
#include "service/build_info.hpp"
#include "service/control_database.hpp"
#include "service/from_settings.hpp"
#include "service/notify.hpp"
#include "service/ports.hpp"
#include "tenancy/change_feed.hpp"
#include "worker_parts.hpp"

namespace bulkhead::worker {
namespace {

/// The operator's reactor asks the control database, and looks into those of tenants for jobs that Redis does
/// not know.
constexpr unsigned own_connections = 2;

postgres::pool_settings pool_options(const config::settings& s, const postgres::conninfo& control,
                                     std::size_t budget) {
    postgres::pool_settings out;
    out.budget = budget;
    out.per_database = std::min(out.per_database, out.budget);
    out.pooler = service::database_pooler(s, control);
    out.session = service::session_options(s, "bulkhead-worker");
    return out;
}

/// New at every start, so that nobody takes a lease for his that a process before him had.
std::string new_owner() { return random_token(9); }

}  // namespace

int serve(const config::loaded& configuration) { return serve_with(configuration, {}); }

int serve_with(const config::loaded& configuration, const more_kinds& also) {
    const auto& s = configuration.values;
    runtime::signals signals;  // before any thread, so that all inherit the mask
    const service::notifier notify;

    const http::endpoint_address ops_address{s.ops_bind, s.ops_port};
    service::require_free(ops_address, "OPS_PORT");
    const auto control = service::control_target(s);
    const auto sharing =
        service::share_options(s, service::meet_control_database(s, control), s.worker_threads + 1);

    metrics::registry metrics;
    metrics::add_process_metrics(metrics);
    service::add_build_info(metrics);
    http::server_metrics counts(metrics, metrics::label("server", "ops"));
    const auto box = service::data_box(s);
    ops::program_state state{.environment = std::string(config::environment_name(s.env)),
                             .schema_head = service::newest_control_schema()};

    // A reactor for the operator's port and what the program does for itself: jobs cannot keep it busy.
    runtime::reactor_group reactors("worker", 1);
    const auto ex = reactors[0].get_executor();
    postgres::pool_set pools(ex, pool_options(s, control, own_connections));
    redis::redis_client redis(ex, service::redis_target(s), service::redis_options(metrics));
    tenancy::registry tenants(pools, control, box, tenancy::registry_metrics(metrics));
    tenancy::change_feed feed(ex, control, service::session_options(s, "bulkhead-worker"), metrics);
    feed.tell(ex, tenants);
    queue::dispatch dispatch(redis, s.queue_shards);
    queue::relay relay(ex, redis, dispatch, tenants, metrics, {.at_once = own_connections});

    // Jobs of a tenant that is open again begin, and those of one that is deleted leave Redis, at once.
    feed.on_change([&relay](const tenancy::tenant_change& what) { relay.look_at(what.id); });

    // One reactor per core for jobs, each with all it needs.
    constexpr auto of_others = tenancy::change_feed::connections + own_connections;
    const auto left = [&](unsigned connections) {
        return connections > of_others ? connections - of_others : 0;
    };
    runtime::reactor_group job_reactors("jobs", s.worker_threads);
    const auto job_pools = pool_options(
        s, control, service::part_of_reactor(left(sharing.alone()), s.worker_threads - 1, s.worker_threads));
    job_reports reports(s, metrics);
    queue::lease_book leases;
    job_tools tools(ex, s, box, metrics);
    const auto owner = new_owner();
    // What takes jobs out of Redis says where there is room for more.
    const auto on_more = [&relay, ex](const uuid& tenant) {
        net::post(ex, [&relay, tenant] { relay.look_at(tenant); });
    };
    const shared_parts shared{s,     control, job_pools,          box,     metrics, leases,
                              tools, owner,   reports.callback(), on_more, also};
    std::vector<std::unique_ptr<worker_parts>> parts;
    for (std::size_t i = 0; i < job_reactors.size(); ++i) {
        parts.push_back(std::make_unique<worker_parts>(job_reactors[i], shared, i, job_reactors.size()));
        feed.tell(job_reactors[i].get_executor(), parts[i]->tenants());
    }
    const auto deal_out = [&](unsigned connections) {
        for (std::size_t i = 0; i < parts.size(); ++i)
            job_reactors[i].post([&pools = parts[i]->pools(),
                                  part = service::part_of_reactor(left(connections), i, parts.size())] {
                pools.set_budget(part);
            });
    };
    service::connection_share share(ex, redis, sharing, deal_out);

    // Leases are prolonged from a thread that no job can keep busy.
    queue::heartbeat heartbeat(
        leases, service::redis_target(s), service::redis_options(metrics), metrics,
        {.owner = owner, .shards = s.queue_shards}, [&](const queue::delivery& what) {
            job_reactors[0].post([&runner = parts[0]->runner(), what] { runner.bury(what); });
        });
    ops::health health(state, tenants, redis);
    ops::tenant_metrics tenant_numbers(tenants, pools);
    ops::tenant_page tenant_page;
    tenant_page.add(ex, tenant_numbers);
    http::services services;
    ops::debug_pools debug_pools;
    debug_pools.explain_budget([&] { return share.reason(); });
    debug_pools.add(ex, pools, tenants);
    ops::add_pool_metrics(metrics, pools);
    debug_jobs running_jobs;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        debug_pools.add(job_reactors[i].get_executor(), parts[i]->pools(), parts[i]->tenants());
        ops::add_pool_metrics(metrics, parts[i]->pools());
        running_jobs.add(job_reactors[i].get_executor(), parts[i]->runner());
    }
    services.add(running_jobs);
    services.add(metrics);
    services.add(debug_pools);
    services.add(health);
    services.add(tenant_page);

    // Work on tenants that blocks, on threads of its own.
    const auto schema = migrations::tenant_migrations();
    if (!schema) throw std::runtime_error(schema.error().message);
    runtime::blocking_pool threads("lifecycle", 1, 1);
    lifecycle::office office(threads, control, box, *schema, service::site_options(s, "worker"));
    lifecycle::housekeeping housekeeping(
        office, metrics,
        {.spares = s.tenant_spares,
         .control_schema = state.schema_head,
         .keep_operations = std::chrono::duration_cast<std::chrono::seconds>(s.operations_keep)});

    http::router routes;
    ops::mount(routes);
    mount_debug_jobs(routes);
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
        relay.start();
        tools.start();
    });
    stack.push("connections", [&] {
        reactors.run_on_each([&](std::size_t) {
            feed.stop();
            tools.stop();
            relay.stop();
            redis.stop();
            pools.stop();
        });
    });
    stack.push("connection share", [&] { share.leave(); });
    job_reactors.start();
    stack.push("job reactors", [&] { job_reactors.stop(); });
    stack.push("threads of jobs", [&] { tools.stop_threads(); });
    heartbeat.start();
    stack.push("heartbeat", [&] { heartbeat.stop(); });
    job_reactors.run_on_each([&](std::size_t i) { parts[i]->start(); });
    stack.push("jobs", [&] { job_reactors.run_on_each([&](std::size_t i) { parts[i]->stop(); }); });
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
    const auto begun = steady_clock::now();
    const auto end = begun + s.shutdown_drain_delay + s.shutdown_timeout;
    const auto left_until = [](steady_clock::time_point until) {
        const auto time = std::max(until - steady_clock::now(), steady_clock::duration::zero());
        return std::chrono::ceil<std::chrono::milliseconds>(time);
    };
    state.draining = true;
    housekeeping.ask_to_stop();
    begin_drain(job_reactors, parts);
    tools.webhooks().stop_by(begun + divide(s.shutdown_timeout).to_finish);
    const bool ended = drain_jobs(job_reactors, parts, s.shutdown_timeout, [&] { tools.ask_to_stop(); });
    ops::drain(state, reactors, [&](std::size_t) -> http::server& { return server; },
               {.delay = left_until(begun + s.shutdown_drain_delay), .timeout = left_until(end)});
    // What cannot be interrupted is left: a step of recorded work, with which the next worker goes on, and a
    // handler that does not end, whose job has been given back.
    const bool kept_house = housekeeping.stop_within(left_until(end));
    const bool called = tools.webhooks().stop_within(left_until(end));
    reports.stop(left_until(end));
    if (!ended || !kept_house || !called) {
        log::warn("stopped while work was under way",
                  {{"jobs", !ended}, {"tenants", !kept_house}, {"webhooks", !called}});
        log::stop();
        std::_Exit(service::exit_ok);
    }
    stack.unwind();
    log::info("stopped");
    return service::exit_ok;
}

}  // namespace bulkhead::worker
