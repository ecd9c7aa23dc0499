// SPDX-License-Identifier: Apache-2.0
// What the whole process knows of its clients: which proxies tell the truth about them, how much each may
// ask, how many connections each has. Shared by all reactors and safe from any thread; outlives them.
#pragma once

#include "config/settings.hpp"
#include "http/peer_connections.hpp"
#include "observability/metrics.hpp"
#include "ratelimit/gate.hpp"

namespace bulkhead::api {

struct clients {
    clients(const config::settings& from, metrics::registry& numbers);

    const http::trusted_proxies proxies;
    http::peer_connections connections;
    const ratelimit::rules rates;
    ratelimit::fallback local;
};

}  // namespace bulkhead::api
