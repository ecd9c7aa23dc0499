// SPDX-License-Identifier: Apache-2.0
// The program from the first reactor's start to the last one's end. Main thread only.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "certificate.hpp"
#include "compressing.hpp"
#include "config/settings.hpp"
#include "hashing.hpp"
#include "offices.hpp"
#include "ops/health.hpp"
#include "reactor_parts.hpp"
#include "reports.hpp"
#include "runtime/reactor.hpp"
#include "runtime/signals.hpp"
#include "service/connection_share.hpp"
#include "service/notify.hpp"
#include "service/stored_files.hpp"
#include "tenancy/change_feed.hpp"

namespace bulkhead::api {

/// What serve() has wired and nothing has started yet. All must outlive the run.
struct wired_parts {
    const config::settings& settings;
    runtime::signals& signals;
    const service::notifier& notify;
    ops::program_state& state;
    certificate& tls;
    hashing& hashes;
    reports& outgoing;
    compressing& compressed;
    service::stored_files& files;
    std::optional<offices>& platform;
    runtime::reactor_group& reactors;
    std::vector<std::unique_ptr<reactor_parts>>& parts;  // one for each reactor
    tenancy::change_feed& feed;
    service::connection_share& share;
};

/// Serves until SIGTERM or SIGINT; the exit status. Everything has stopped then; with work on tenants that
/// cannot be stopped in time it ends the process itself.
int run_until_stopped(const wired_parts& all);

}  // namespace bulkhead::api
