// SPDX-License-Identifier: Apache-2.0
// The program from the first reactor's start to the last one's end. Main thread only.
#pragma once

#include <memory>
#include <vector>

#include "config/settings.hpp"
#include "http/server.hpp"
#include "job_reports.hpp"
#include "job_tools.hpp"
#include "lifecycle/housekeeping.hpp"
#include "ops/health.hpp"
#include "persistence/postgres/pool_set.hpp"
#include "persistence/redis/client.hpp"
#include "queue/heartbeat.hpp"
#include "queue/relay.hpp"
#include "runtime/reactor.hpp"
#include "runtime/signals.hpp"
#include "service/connection_share.hpp"
#include "service/notify.hpp"
#include "tenancy/change_feed.hpp"
#include "worker_parts.hpp"

namespace bulkhead::worker {

/// What serve_with() has wired and nothing has started yet. All must outlive the run.
struct wired_parts {
    const config::settings& settings;
    runtime::signals& signals;
    const service::notifier& notify;
    ops::program_state& state;
    // Of the reactor for the operator's port and what the program does for itself.
    runtime::reactor_group& reactors;
    postgres::pool_set& pools;
    redis::redis_client& redis;
    tenancy::change_feed& feed;
    queue::relay& relay;
    http::server& server;
    service::connection_share& share;
    // Of jobs.
    job_tools& tools;
    job_reports& reports;
    runtime::reactor_group& job_reactors;
    std::vector<std::unique_ptr<worker_parts>>& parts;  // one for each of them
    queue::heartbeat& heartbeat;
    // Of tenants.
    lifecycle::housekeeping& housekeeping;
};

/// Serves until SIGTERM or SIGINT; the exit status. Everything has stopped then; when something cannot be
/// stopped in time it ends the process itself.
int run_until_stopped(const wired_parts& all);

}  // namespace bulkhead::worker
