// SPDX-License-Identifier: Apache-2.0
#include "app.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "base/version.hpp"
#include "certificate.hpp"
#include "clients.hpp"
#include "compressing.hpp"
#include "features/accounts/routes.hpp"
#include "features/exports/routes.hpp"
#include "features/jobs/routes.hpp"
#include "features/platform/routes.hpp"
#include "features/tasks/routes.hpp"
#include "features/usage/routes.hpp"
#include "features/webhooks/routes.hpp"
#include "hashing.hpp"
#include "http/openapi.hpp"
#include "http/secret_answers.hpp"
#include "observability/process_metrics.hpp"
#include "offices.hpp"
#include "ops/ops_routes.hpp"
#include "reactor_parts.hpp"
#include "run.hpp"
#include "runtime/descriptor_limit.hpp"
#include "runtime/signals.hpp"
#include "service/build_info.hpp"
#include "service/control_database.hpp"
#include "service/from_settings.hpp"
#include "service/notify.hpp"
#include "service/ports.hpp"
#include "service/stored_files.hpp"
#include "tenancy/change_feed.hpp"

namespace bulkhead::api {
namespace {

constexpr http::api_info about_api{"Bulkhead API", version_text,
                                   "Backend for SaaS products in which every tenant has a database of its "
                                   "own. Errors are RFC 9457 problem documents."};

/// The routes that clients see. The document describes all but itself.
void mount_api(http::router& routes, self_description& about, bool with_platform, bool with_docs) {
    mount_banner(routes);
    ops::mount_health(routes);
    accounts::mount(routes);
    exports::mount(routes);
    jobs::mount(routes);
    tasks::mount(routes);
    usage::mount(routes);
    webhooks::mount(routes);
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

/// `wanted`: descriptors for connections.
void check_descriptors(std::size_t wanted) {
    constexpr std::size_t others = 100;  // Redis, the operator's port, logs, programs that work on tenants
    const auto possible = runtime::raise_descriptor_limit();
    if (possible < wanted + others)
        log::warn("fewer files may be open than MAX_CONNECTIONS and DB_POOL_MAX may need",
                  {{"limit", possible}, {"needed", wanted + others}});
}

using all_parts = std::vector<std::unique_ptr<reactor_parts>>;

/// One for each reactor, with all it needs.
all_parts make_parts(runtime::reactor_group& reactors, const shared_parts& shared) {
    all_parts out;
    for (auto& reactor : reactors) out.push_back(std::make_unique<reactor_parts>(*reactor, shared));
    return out;
}

/// The part of the server's connections that is due to this process, dealt out to its reactors.
void deal_out(unsigned connections, runtime::reactor_group& reactors, const all_parts& parts) {
    connections -= tenancy::change_feed::connections;
    for (std::size_t i = 0; i < parts.size(); ++i)
        reactors[i].post(
            [&pools = parts[i]->pools(), part = service::part_of_reactor(connections, i, parts.size())] {
                pools.set_budget(part);
            });
}

/// The operator sees them all.
void show(runtime::reactor_group& reactors, const all_parts& parts, const shared_parts& shared) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto ex = reactors[i].get_executor();
        shared.debug_pools.add(ex, parts[i]->pools(), parts[i]->tenants());
        shared.debug_requests.add(ex, parts[i]->server());
        ops::add_pool_metrics(shared.metrics, parts[i]->pools());
    }
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

    check_descriptors(s.max_connections + 2 * sharing.alone());  // libpq's, and the one that is watched

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
    hashing hashes(s, metrics);

    // Spans and errors leave from threads of their own.
    reports outgoing(s, metrics);

    // What pages in browsers may do, and how they stay signed in.
    const http::cors_policy cors(s.cors_origins);
    auth::session_cookies cookies(s.env == config::environment::production, cors);

    // Large answers are compressed off the reactors.
    compressing compressed(s, metrics);

    // Files of tenants. A connection reads one at a time, so none is ever refused.
    service::stored_files files(s, metrics, s.max_connections);

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
    const shared_parts shared{.settings = s,
                              .control = control,
                              .pools = pools,
                              .box = box,
                              .state = state,
                              .about = about,
                              .passwords = hashes.passwords(),
                              .known_clients = known_clients,
                              .cors = cors,
                              .cookies = cookies,
                              .hashes = hashes.part_of_reactor(s.api_threads),
                              .metrics = metrics,
                              .tenant_numbers = tenant_numbers,
                              .routes = routes,
                              .ops_routes = ops_routes,
                              .debug_pools = debug_pools,
                              .debug_requests = debug_requests,
                              .outgoing = outgoing,
                              .counted = counted,
                              .platform = platform,
                              .compressor = compressed.compressor(),
                              .files = files.store()};
    auto parts = make_parts(reactors, shared);

    // Changes of tenants reach all reactors through one connection.
    tenancy::change_feed feed(reactors[0].get_executor(), control, pools.session, metrics);
    for (std::size_t i = 0; i < parts.size(); ++i) feed.tell(reactors[i].get_executor(), parts[i]->tenants());

    service::connection_share share(reactors[0].get_executor(), parts[0]->redis(), sharing,
                                    [&](unsigned connections) { deal_out(connections, reactors, parts); });
    debug_pools.explain_budget([&] { return share.reason(); });
    show(reactors, parts, shared);

    return run_until_stopped({.settings = s,
                              .signals = signals,
                              .notify = notify,
                              .state = state,
                              .tls = tls,
                              .hashes = hashes,
                              .outgoing = outgoing,
                              .compressed = compressed,
                              .files = files,
                              .platform = platform,
                              .reactors = reactors,
                              .parts = parts,
                              .feed = feed,
                              .share = share});
}

}  // namespace bulkhead::api
