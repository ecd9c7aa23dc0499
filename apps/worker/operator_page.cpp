// SPDX-License-Identifier: Apache-2.0
#include "operator_page.hpp"

#include "ops/ops_routes.hpp"

namespace bulkhead::worker {
namespace {

http::router operator_routes() {
    http::router out;
    ops::mount(out);
    mount_debug_jobs(out);
    return out;
}

}  // namespace

operator_page::operator_page(executor home, ops::program_state& state, postgres::pool_set& pools,
                             tenancy::registry& tenants, redis::redis_client& redis,
                             metrics::registry& metrics)
    : metrics_(metrics),
      counts_(metrics, metrics::label("server", "ops")),
      health_(state, tenants, redis),
      own_tenants_(tenants, pools),
      routes_(operator_routes()),
      server_(home, routes_, services_, {}, counts_) {
    tenants_.add(home, own_tenants_);
    pools_.add(home, pools, tenants);
    ops::add_pool_metrics(metrics, pools);
    requests_.add(home, server_);
    services_.add(metrics);
    services_.add(health_);
    services_.add(tenants_);
    services_.add(pools_);
    services_.add(jobs_);
    services_.add(requests_);
}

void operator_page::add(executor reactor, worker_parts& part) {
    pools_.add(reactor, part.pools(), part.tenants());
    ops::add_pool_metrics(metrics_, part.pools());
    jobs_.add(reactor, part.runner());
}

}  // namespace bulkhead::worker
