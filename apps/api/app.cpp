// SPDX-License-Identifier: Apache-2.0
#include "app.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <optional>

#include "base/version.hpp"
#include "certificate.hpp"
#include "clients.hpp"
#include "features/accounts/routes.hpp"
#include "features/platform/routes.hpp"
#include "features/tasks/routes.hpp"
#include "features/usage/routes.hpp"
#include "http/compression.hpp"
#include "http/openapi.hpp"
#include "http/secret_answers.hpp"
#include "observability/process_metrics.hpp"
#include "offices.hpp"
#include "ops/drain.hpp"
#include "ops/ops_routes.hpp"
#include "reactor_parts.hpp"
#include "runtime/descriptor_limit.hpp"
#include "runtime/shutdown_stack.hpp"
#include "runtime/signals.hpp"
#include "service/build_info.hpp"
#include "service/control_database.hpp"
#include "service/from_settings.hpp"
#include "service/notify.hpp"
#include "service/ports.hpp"
#include "tenancy/change_feed.hpp"

namespace bulkhead::api {
namespace {

constexpr http::api_info about_api{"Bulkhead API", version_text,
                                   "Backend for SaaS products in which every tenant has a database of its "
                                   "own. Errors are RFC 9457 problem documents."};

/// Reports that nobody takes do not keep us from stopping for longer.
constexpr std::chrono::seconds reports_wait{2};

/// A hash of cost 12 takes about a third of a second, and more when there is other work: the last in line
/// must be done within a request's time.
constexpr std::size_t hashes_waiting = 8;  // for each thread

/// A large answer takes a millisecond or two: those who would wait longer get theirs as it is.
constexpr std::size_t answers_waiting = 16;  // for each thread

/// The routes that clients see. The document describes all but itself.
void mount_api(http::router& routes, self_description& about, bool with_platform, bool with_docs) {
    mount_banner(routes);
    ops::mount_health(routes);
    accounts::mount(routes);
    tasks::mount(routes);
    usage::mount(routes);
    if (with_platform) platform::mount(routes);
    http::require_secrets_uncompressed(routes);
    about.openapi = http::openapi_document(routes, about_api);
    if (with_docs) mount_docs(routes);
}

postgres::pool_settings pool_options(const config::settings& s, const postgres::conninfo& control,
                                     unsigned budget) {
    postgres::pool_settings out;
    out.pooler = service::database_pooler(s, control);
    out.session = service::session_options(s, "bulkhead-api");
    out.budget = std::max(2u, budget / s.api_threads);
    out.per_database = std::min<std::size_t>(out.per_database, out.budget);
    return out;
}

/// A connection of a client, or to the database, is a descriptor. `wanted`: so many of these.
void check_descriptors(std::size_t wanted) {
    constexpr std::size_t others = 100;  // Redis, the operator's port, logs, programs that work on tenants
    const auto possible = runtime::raise_descriptor_limit();
    if (possible < wanted + others)
        log::warn("fewer files may be open than MAX_CONNECTIONS and DB_POOL_MAX may need",
                  {{"limit", possible}, {"needed", wanted + others}});
}

}  // namespace

int serve(const config::loaded& configuration) {
    const auto& s = configuration.values;
    runtime::signals signals;  // before any thread, so that all inherit the mask
    const service::notifier notify;

    // The ports and the database, before anything else is built on them.
    service::require_free({s.bind_address, s.port}, "PORT");
    service::require_free({s.ops_bind, s.ops_port}, "OPS_PORT");
    const auto control = service::control_target(s);
    const auto server_facts = service::meet_control_database(s, control);
    const auto sharing = service::share_options(s, server_facts, s.api_threads);
    const auto pools = pool_options(s, control, sharing.alone() - tenancy::change_feed::connections);

    check_descriptors(s.max_connections + sharing.alone());

    // Shared by all reactors: read-only, or safe from any thread.
    metrics::registry metrics;
    metrics::add_process_metrics(metrics);
    service::add_build_info(metrics);
    certificate tls(s, metrics);
    clients known_clients(s, metrics);
    const auto box = service::data_box(s);
    ops::program_state state{.environment = std::string(config::environment_name(s.env)),
                             .schema_head = service::newest_control_schema()};
    if (server_facts.schema_version < state.schema_head)
        log::warn("migrations are pending: not ready until bulkhead-migrator up has run");

    // Password hashing has threads of its own, at most half of the machine.
    const auth::password_hasher hasher(s.bcrypt_cost, s.password_pepper);
    const unsigned hashers = std::max(1u, s.api_threads / 2);
    const std::size_t hashes = hashers * (1 + hashes_waiting);
    runtime::blocking_pool hash_threads("hash", hashers, hashes, runtime::urgency::background);
    auth::passwords passwords(
        hasher, hash_threads,
        &metrics.add_histogram("bulkhead_hash_duration_seconds", "Password hashes, their wait included",
                               metrics::latency_bounds()));
    metrics.add_gauge_sampler("bulkhead_hash_queue", "Password hashes that wait for a thread",
                              [&] { return static_cast<double>(hash_threads.waiting()); });

    // Spans and errors leave from threads of their own.
    reports outgoing(s, metrics);

    // What pages in browsers may do, and how they stay signed in.
    const http::cors_policy cors(s.cors_origins);
    auth::session_cookies cookies(s.env == config::environment::production, cors);

    // Large answers are compressed off the reactors.
    const unsigned compressors = std::max(1u, s.api_threads / 2);
    runtime::blocking_pool compression_threads("compress", compressors, compressors * answers_waiting);
    std::optional<http::compression> compression;
    if (s.compress) compression.emplace(compression_threads, metrics);
    http::compression* const compressor = compression ? &*compression : nullptr;

    // Work on tenants, for whoever has the platform's token.
    std::optional<offices> platform;
    if (!s.platform_admin_token.empty()) platform.emplace(s, control, box, metrics);

    // The route tables.
    self_description about{.environment = state.environment, .openapi = {}};
    http::router routes, ops_routes;
    mount_api(routes, about, platform.has_value(), s.enable_swagger);
    ops::mount(ops_routes);

    // One reactor per core, each with all it needs.
    runtime::reactor_group reactors("api", s.api_threads);
    ops::debug_pools debug_pools;
    ops::debug_requests debug_requests;
    numbers counted(metrics);
    ops::tenant_page tenant_numbers;
    const shared_parts shared{s,
                              control,
                              pools,
                              box,
                              state,
                              about,
                              passwords,
                              known_clients,
                              cors,
                              cookies,
                              (hashes + s.api_threads - 1) / s.api_threads,
                              metrics,
                              tenant_numbers,
                              routes,
                              ops_routes,
                              debug_pools,
                              debug_requests,
                              outgoing,
                              counted,
                              platform,
                              compressor};
    std::vector<std::unique_ptr<reactor_parts>> parts;
    for (auto& reactor : reactors) parts.push_back(std::make_unique<reactor_parts>(*reactor, shared));

    // Changes of tenants reach all reactors through one connection.
    tenancy::change_feed feed(reactors[0].get_executor(), control, pools.session, metrics);
    for (std::size_t i = 0; i < parts.size(); ++i) feed.tell(reactors[i].get_executor(), parts[i]->tenants());

    // The part of the server's connections that is due to this process, dealt out to its reactors.
    const auto deal_out = [&](unsigned connections) {
        connections -= tenancy::change_feed::connections;
        for (std::size_t i = 0; i < parts.size(); ++i)
            reactors[i].post(
                [&pools = parts[i]->pools(), part = service::part_of_reactor(connections, i, parts.size())] {
                    pools.set_budget(part);
                });
    };
    service::connection_share share(reactors[0].get_executor(), parts[0]->redis(), sharing, deal_out);
    debug_pools.explain_budget([&] { return share.reason(); });
    for (std::size_t i = 0; i < parts.size(); ++i) {
        debug_pools.add(reactors[i].get_executor(), parts[i]->pools(), parts[i]->tenants());
        debug_requests.add(reactors[i].get_executor(), parts[i]->server());
        ops::add_pool_metrics(metrics, parts[i]->pools());
    }

    auto work_until = runtime::deadline::in({});  // of the offices
    bool unfinished = false;
    runtime::shutdown_stack stack;
    stack.push("reports",
               [&] { outgoing.stop(std::min<std::chrono::milliseconds>(reports_wait, s.shutdown_timeout)); });
    reactors.start();
    stack.push("reactors", [&] { reactors.stop(); });
    stack.push("compression threads", [&] { compression_threads.stop(); });
    stack.push("hash threads", [&] { hash_threads.stop(); });
    stack.push("offices", [&] { unfinished = platform && !platform->close(work_until); });
    reactors.run_on_each([&](std::size_t i) {
        parts[i]->server().secure_with(tls.current());
        parts[i]->start(i == 0);
        if (i == 0) feed.start();
    });
    stack.push("connections", [&] {
        reactors.run_on_each([&](std::size_t i) {
            if (i == 0) feed.stop();
            parts[i]->stop();
        });
    });
    reactors[0].post([&] { share.start(); });
    stack.push("connection share", [&] { share.leave(); });
    log::info("listening", {{"address", s.bind_address},
                            {"port", s.port},
                            {"protocol", tls.current() ? "https" : "http"},
                            {"ops_port", s.ops_port},
                            {"reactors", s.api_threads}});

    const auto status = fmt::format("listening on {}:{}", s.bind_address, s.port);
    service::keep_watchdog_quiet(notify, reactors);
    notify.ready(status);
    const auto reload = [&] {
        if (!service::reload(program) || !tls.renew()) return;
        for (std::size_t i = 0; i < parts.size(); ++i)
            reactors[i].post(
                [&server = parts[i]->server(), renewed = tls.current()] { server.secure_with(renewed); });
    };
    signals.on_reload([&] {
        notify.reloading();
        reload();
        notify.ready(status);
    });
    signals.wait();
    notify.stopping("finishing what is under way", service::longest_stop(s));
    work_until = runtime::deadline::in(s.shutdown_drain_delay + s.shutdown_timeout);
    ops::drain(state, reactors, [&](std::size_t i) -> http::server& { return parts[i]->server(); },
               {.delay = s.shutdown_drain_delay, .timeout = s.shutdown_timeout});
    stack.unwind();
    if (unfinished) {
        log::warn("work on tenants is left to the worker");
        log::stop();
        std::_Exit(service::exit_ok);  // what it uses must not be destroyed
    }
    log::info("stopped");
    return service::exit_ok;
}

}  // namespace bulkhead::api
