// SPDX-License-Identifier: Apache-2.0
#include "app.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <memory>
#include <vector>

#include "base/random.hpp"
#include "job_reports.hpp"
#include "observability/process_metrics.hpp"
#include "operator_page.hpp"
#include "queue/heartbeat.hpp"
#include "queue/relay.hpp"
#include "run.hpp"
#include "runtime/signals.hpp"
#include "service/build_info.hpp"
#include "service/control_database.hpp"
#include "service/from_settings.hpp"
#include "service/notify.hpp"
#include "service/ports.hpp"
#include "tenancy/change_feed.hpp"
#include "tenant_work.hpp"
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

    service::require_free({s.ops_bind, s.ops_port}, "OPS_PORT");
    const auto control = service::control_target(s);
    const auto sharing =
        service::share_options(s, service::meet_control_database(s, control), s.worker_threads + 1);

    metrics::registry metrics;
    metrics::add_process_metrics(metrics);
    service::add_build_info(metrics);
    const auto box = service::data_box(s);
    ops::program_state state{.environment = std::string(config::environment_name(s.env)),
                             .schema_head = service::newest_control_schema()};

    // A reactor for the operator's port and what the program does for itself: jobs cannot keep it busy.
    runtime::reactor_group reactors("worker", 1);
    const auto ex = reactors[0].get_executor();
    postgres::pool_set pools(ex, pool_options(s, control, own_connections));
    auto redis_options = service::redis_options(metrics);
    std::function<void(const redis::redis_identity&)> on_server;  // once there is a relay to hear of it
    redis_options.on_identity = [&on_server](const redis::redis_identity& who) { on_server(who); };
    redis::redis_client redis(ex, service::redis_target(s), std::move(redis_options));
    tenancy::registry tenants(pools, control, box, tenancy::registry_metrics(metrics));
    tenancy::change_feed feed(ex, control, service::session_options(s, "bulkhead-worker"), metrics);
    feed.tell(ex, tenants);
    queue::dispatch dispatch(redis, s.queue_shards);
    queue::relay relay(ex, redis, dispatch, tenants, metrics, {.at_once = own_connections});

    on_server = [&relay](const redis::redis_identity& who) { relay.meet(who); };

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
    const shared_parts shared{.settings = s,
                              .control = control,
                              .pools = job_pools,
                              .box = box,
                              .metrics = metrics,
                              .leases = leases,
                              .tools = tools,
                              .owner = owner,
                              .report = reports.callback(),
                              .on_more = on_more,
                              .more_kinds = also};
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
    queue::heartbeat heartbeat(leases, service::redis_target(s), service::redis_options(metrics), metrics,
                               {.owner = owner, .shards = s.queue_shards});

    // The operator sees them all.
    operator_page page(ex, state, pools, tenants, redis, metrics);
    page.explain_budget([&] { return share.reason(); });
    for (std::size_t i = 0; i < parts.size(); ++i) page.add(job_reactors[i].get_executor(), *parts[i]);

    tenant_work house(s, control, box, state.schema_head, metrics);

    return run_until_stopped({.settings = s,
                              .signals = signals,
                              .notify = notify,
                              .state = state,
                              .reactors = reactors,
                              .pools = pools,
                              .redis = redis,
                              .feed = feed,
                              .relay = relay,
                              .server = page.server(),
                              .share = share,
                              .tools = tools,
                              .reports = reports,
                              .job_reactors = job_reactors,
                              .parts = parts,
                              .heartbeat = heartbeat,
                              .housekeeping = house.housekeeping()});
}

}  // namespace bulkhead::worker
