// SPDX-License-Identifier: Apache-2.0
#include "config/rows/rows.hpp"

#include "config/origin_list.hpp"

namespace bulkhead::config {
using namespace rows;
namespace {

std::string ops_port(const circumstances& now, so_far) {
    return now.running == program::worker ? "9001" : "9000";
}
std::string local_frontend(const circumstances&, so_far values) {
    return values.env == environment::development ? "http://localhost:3000" : "";
}

/// The address of a page, as other stacks have it: often with the slash of its path.
parsed<std::string> without_slash(std::string_view text) {
    return std::string(text.ends_with('/') ? text.substr(0, text.size() - 1) : text);
}

std::string swagger(const circumstances&, so_far values) { return is_production(values) ? "false" : "true"; }

}  // namespace

// clang-format off
std::vector<row> http_rows() { return {
    {.name = "PORT", .programs = api, .type = "1-65535", .fallback = "8000", .blank_is_default = true,
     .parse = into(&settings::port, parse_number<std::uint16_t, 1, 65535>), .help = "Where the API listens."},
    {.name = "BIND_ADDRESS", .programs = api, .type = "IP address", .fallback = "0.0.0.0",
     .parse = into(&settings::bind_address, parse_address), .help = ":: listens on IPv6 and IPv4."},
    {.name = "OPS_PORT", .programs = servers, .type = "1-65535", .fallback = "9000, worker 9001",
     .computed = ops_port, .parse = into(&settings::ops_port, parse_number<std::uint16_t, 1, 65535>),
     .example = "9000",
     .help = "Metrics, health and debugging, apart from the API. Keep it away from the public."},
    {.name = "OPS_BIND", .programs = servers, .type = "IP address", .fallback = "127.0.0.1",
     .parse = into(&settings::ops_bind, parse_address), .help = "Set 0.0.0.0 for a scraper on another host."},
    {.name = "API_THREADS", .aliases = {{"GUNICORN_WORKERS"}, {"WEB_CONCURRENCY"}}, .programs = api,
     .type = "0-256",
     .fallback = "one per core", .computed = one_per_core,
     .parse = into(&settings::api_threads, parse_threads),
     .example = "2", .help = "Reactors; 0 is one per core."},
    {.name = "BODY_LIMIT", .programs = api, .type = "size up to 10MiB", .fallback = "1MiB",
     .parse = into(&settings::body_limit, parse_bytes<1, 10 * mib>),
     .help = "The largest request body."},
    {.name = "CORS_ORIGINS", .aliases = {{"CORS_ORIGIN"}, {"FRONTEND_URL", without_slash}}, .programs = api,
     .type = "origins with commas between them",
     .fallback = "http://localhost:3000 in development, else none", .computed = local_frontend,
     .parse = into(&settings::cors_origins, parse_origins), .example = "https://app.example.com",
     .help = "Whose pages may use the API from browsers, with cookies. * is everybody, without; not in production."},
    {.name = "ENABLE_SWAGGER", .programs = api, .type = "true or false",
     .fallback = "true, in production false",
     .computed = swagger, .parse = into(&settings::enable_swagger, parse_bool), .example = "true",
     .help = "Serves /api-docs and /openapi.json."},
    {.name = "IDEMPOTENCY_TTL", .programs = api, .type = "time from 1m to 30d", .fallback = "24h",
     .parse = into(&settings::idempotency_ttl, parse_time<minute, 30 * day>),
     .help = "How long a write that was sent with an Idempotency-Key gets the same answer again."},
    {.name = "DEFAULT_TENANT", .programs = api, .type = "slug", .fallback = "default",
     .parse = into(&settings::default_tenant, parse_slug),
     .help = "The tenant of a request that names none."},
    {.name = "TENANT_BASE_DOMAIN", .programs = api, .type = "domain name",
     .parse = into(&settings::tenant_base_domain, parse_domain), .example = "app.example.com",
     .help = "acme.<this> is tenant acme."},
    {.name = "TENANT_PURGE_AFTER", .programs = everyone, .type = "time from 0s to 3650d", .fallback = "30d",
     .parse = into(&settings::tenant_purge_after, parse_time<0, 3650 * day>),
     .help = "How long a deleted tenant can be brought back before it is destroyed."},
    {.name = "TENANT_SPARES", .programs = worker, .type = "0-100", .fallback = "3",
     .parse = into(&settings::tenant_spares, parse_number<std::size_t, 0, 100>),
     .help = "Databases made in advance, so that a new tenant is there at once."},
    {.name = "OPERATIONS_KEEP", .programs = worker, .type = "time from 1d to 3650d", .fallback = "365d",
     .parse = into(&settings::operations_keep, parse_time<day, 3650 * day>),
     .help = "How long the record of finished work on tenants is kept. The audit log stays."},
}; }
// clang-format on

}  // namespace bulkhead::config
