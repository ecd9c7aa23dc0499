// SPDX-License-Identifier: Apache-2.0
#include "reactor_parts.hpp"

#include "service/from_settings.hpp"

namespace bulkhead::api {
namespace {

http::limits bounds(const config::settings& s) {
    http::limits out;
    out.request_line = s.http_request_line;
    out.header_section = s.http_headers;
    out.header_count = s.http_header_count;
    out.head_timeout = s.http_head_timeout;
    out.body_absolute_timeout = s.http_body_timeout;
    out.write_absolute_timeout = s.http_write_timeout;
    out.keep_alive_idle = s.http_keep_alive;
    out.requests_per_connection = s.http_requests_per_connection;
    out.connection_age = s.http_connection_age;
    out.connections = s.max_connections;
    return out;
}

http::server_options server_options(const shared_parts& shared, http::answer_observer& observer,
                                    reactor_numbers& numbers, reactor_reports& reports, ratelimit::gate& gate,
                                    http::admission& admitting) {
    const auto& s = shared.settings;
    http::server_options out;
    out.applied.cors = &shared.cors;
    out.applied.compressor = shared.compressor;
    out.bounds = bounds(s);
    out.observers = {&observer};
    numbers.join(out);
    reports.join(out);
    out.applied.limiter = &gate;
    out.proxies = shared.known_clients.proxies;
    out.per_client = &shared.known_clients.connections;
    out.applied.gates = &admitting;
    out.applied.verbose = s.debug;
    out.default_body_limit = s.body_limit;
    out.request_deadline = s.request_timeout;
    out.max_connections = std::max<std::size_t>(1, out.bounds.connections / s.api_threads);
    return out;
}

http::server_options ops_options() {
    http::server_options out;
    out.max_connections = 100;
    return out;
}

}  // namespace

reactor_parts::reactor_parts(runtime::reactor& home, const shared_parts& shared)
    : shared_(shared),
      pools_(home.get_executor(), shared.pools),
      redis_(home.get_executor(), service::redis_target(shared.settings),
             service::redis_options(shared.metrics)),
      tenants_(pools_, shared.control, shared.box, tenancy::registry_metrics(shared.metrics)),
      limiter_(home.get_executor(), redis_, shared.known_clients.local, shared.metrics),
      gate_(limiter_, shared.known_clients.rates, shared.metrics),
      quotas_(gate_, shared.metrics),
      directory_(tenants_, quotas_,
                 {.default_tenant = shared.settings.default_tenant,
                  .base_domain = shared.settings.tenant_base_domain}),
      idempotency_(shared.box, shared.metrics, {.kept = shared.settings.idempotency_ttl}),
      dispatch_(redis_, shared.settings.queue_shards),
      outbox_(home.get_executor(), redis_, dispatch_, shared.metrics),
      webhooks_(shared.box, service::webhook_targets(shared.settings)),
      tokens_(service::token_options(shared.settings)),
      health_(shared.state, tenants_, redis_),
      tenant_numbers_(tenants_, pools_),
      reports_(shared.outgoing),
      numbers_(shared.settings, shared.routes, shared.counted),
      counts_(shared.metrics, metrics::label("server", "api")),
      ops_counts_(shared.metrics, metrics::label("server", "ops")),
      admission_(home.get_executor(), shared.metrics, http::admission_settings::for_reactor(shared.hashes)),
      server_(home.get_executor(), shared.routes, services_,
              server_options(shared, tenant_numbers_, numbers_, reports_, gate_, admission_), counts_),
      ops_server_(home.get_executor(), shared.ops_routes, services_, ops_options(), ops_counts_) {
    services_.add(quotas_);
    services_.add(directory_);
    services_.add(idempotency_);
    services_.add(outbox_);
    services_.add(shared.files);
    services_.add(webhooks_);
    services_.add(tokens_);
    services_.add(health_);
    services_.add(shared.passwords);
    services_.add(shared.cookies);
    services_.add(shared.metrics);
    services_.add(shared.debug_pools);
    services_.add(shared.debug_requests);
    services_.add(shared.about);
    services_.add(shared.tenant_numbers);
    shared.tenant_numbers.add(home.get_executor(), tenant_numbers_);
    if (shared.platform)
        services_.add(platform_gate_.emplace(shared.platform->token(), tenants_, shared.platform->doors()));
}

void reactor_parts::start(bool with_ops) {
    const auto& s = shared_.settings;
    pools_.start();
    redis_.start();
    admission_.start();
    server_.start({s.bind_address, s.port});
    if (with_ops) ops_server_.start({s.ops_bind, s.ops_port});
}

void reactor_parts::stop() {
    ops_server_.drain();
    ops_server_.close_all();
    admission_.stop();
    outbox_.stop();
    redis_.stop();
    pools_.stop();
}

}  // namespace bulkhead::api
