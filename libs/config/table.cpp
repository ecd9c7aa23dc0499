// SPDX-License-Identifier: Apache-2.0
#include "config/table.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <thread>
#include <utility>

#include "base/time.hpp"
#include "config/database_url.hpp"

namespace bulkhead::config {
namespace {

constexpr program_set api = only(program::api);
constexpr program_set worker = only(program::worker);
constexpr program_set migrator = only(program::migrator);
constexpr program_set servers = api | worker;
constexpr program_set everyone = servers | migrator;

constexpr std::int64_t second = 1000;
constexpr std::int64_t minute = 60 * second;
constexpr std::int64_t hour = 60 * minute;
constexpr std::int64_t day = 24 * hour;
constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;
constexpr std::size_t gib = 1024 * mib;

/// The parser of a row: what `parse` makes of the text goes into `member`.
template <class Member, class Value>
auto into(Member settings::*member, parsed<Value> (*parse)(std::string_view)) {
    return [member, parse](settings& out, std::string_view text) -> parsed<void> {
        auto value = parse(text);
        if (!value) return std::unexpected(std::move(value).error());
        out.*member = *std::move(value);
        return {};
    };
}

parsed<void> parse_database(settings& out, std::string_view text) {
    auto url = parse_database_url(text);
    if (!url) return std::unexpected(std::move(url).error().detail);
    out.database_url = std::move(url->url);
    return {};
}

unsigned core_count() { return std::max(std::thread::hardware_concurrency(), 1U); }

parsed<unsigned> parse_threads(std::string_view text) {
    auto count = parse_number<unsigned, 0, 256>(text);
    if (count && *count == 0) count = core_count();
    return count;
}

parsed<std::optional<unsigned>> parse_pool(std::string_view text) {
    const auto size = parse_number<unsigned, 1, 10'000>(text);
    if (!size) return std::unexpected(size.error());
    return *size;
}

/// JWT_EXPIRATION_HOURS of other stacks: a number, perhaps with a fraction.
parsed<std::string> hours_to_duration(std::string_view text) {
    constexpr double most = 24.0 * 365;
    double hours = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), hours);
    if (ec != std::errc{} || end != text.data() + text.size() || !(hours > 0 && hours <= most))
        return std::unexpected(fmt::format("\"{:.80}\" is not a number of hours", text));
    return format_duration(std::chrono::milliseconds(std::llround(hours * hour)));
}

using so_far = const settings&;
std::string no_default(const circumstances&, so_far) { return {}; }
std::string ops_port(const circumstances& now, so_far) {
    return now.running == program::worker ? "9001" : "9000";
}
std::string one_per_core(const circumstances&, so_far) { return std::to_string(core_count()); }
std::string log_format(const circumstances& now, so_far) { return now.terminal ? "pretty" : "json"; }
bool is_production(so_far values) { return values.env == environment::production; }
std::string swagger(const circumstances&, so_far values) { return is_production(values) ? "false" : "true"; }
std::string backup_url(const circumstances&, so_far values) {
    const bool local = values.env == environment::development || values.env == environment::test;
    return local ? "file://.dev/backups" : "";
}
std::string drain_delay(const circumstances&, so_far values) { return is_production(values) ? "5s" : "0s"; }

/// What the URL asks for counts, so that the two never disagree by accident.
std::string ssl_mode(const circumstances&, so_far values) {
    const auto url = parse_database_url(values.database_url.reveal());
    return url && !url->ssl_mode.empty() ? url->ssl_mode : "prefer";
}

constexpr std::string_view random_secret = "set at least 32 random bytes, e.g. openssl rand -base64 32";

// clang-format off
std::vector<row> general_rows() { return {
    {.name = "ENVIRONMENT", .aliases = {{"APP_ENV"}, {"NODE_ENV"}}, .programs = everyone,
     .type = "development, test, staging or production", .fallback = "development",
     .parse = into(&settings::env, parse_environment),
     .help = "Production refuses unsafe values: weak secrets, connections without TLS, debugging."},
    {.name = "DEBUG", .programs = api, .type = "true or false", .fallback = "false",
     .parse = into(&settings::debug, parse_bool),
     .help = "Details in error answers. Never secrets; refused in production."},
    {.name = "LOG_LEVEL", .programs = everyone, .type = "trace, debug, info, warn, error or off",
     .fallback = "info",
     .parse = into(&settings::log_level, parse_log_level),
     .help = "The least severe lines that are written."},
    {.name = "LOG_FORMAT", .programs = everyone, .type = "json or pretty",
     .fallback = "json, pretty on a terminal",
     .computed = log_format, .parse = into(&settings::log_json, parse_log_format), .example = "json",
     .help = "One JSON object a line, or lines for people."},
    {.name = "LOG_FILE", .programs = everyone, .type = "path", .parse = into(&settings::log_file, parse_text),
     .example = "/var/log/bulkhead/api.log",
     .help = "Lines go here as well as to stdout; errors also to <LOG_FILE>.error. One file per process."},
    {.name = "LOG_FILE_MAX", .programs = everyone, .type = "size from 1KiB to 10GiB", .fallback = "10MB",
     .parse = into(&settings::log_file_max, parse_bytes<kib, 10 * gib>), .help = "A larger file is rotated."},
    {.name = "LOG_FILES", .programs = everyone, .type = "1-1000", .fallback = "5",
     .parse = into(&settings::log_files, parse_number<unsigned, 1, 1000>),
     .help = "How many files are kept, the current one included."},
    {.name = "BULKHEAD_FAIL_POINT", .programs = everyone, .type = "name or name:count",
     .parse = into(&settings::fail_point, parse_text), .example = "create.database.after",
     .help = "For tests: the program kills itself when it passes this place. Refused in production."},
    {.name = "SHUTDOWN_TIMEOUT", .programs = servers, .type = "time from 100ms to 1h", .fallback = "30s",
     .parse = into(&settings::shutdown_timeout, parse_time<100, hour>),
     .help = "How long work under way may take to finish after SIGTERM."},
    {.name = "SHUTDOWN_DRAIN_DELAY", .programs = servers, .type = "time from 0s to 10m",
     .fallback = "0s, in production 5s", .computed = drain_delay,
     .parse = into(&settings::shutdown_drain_delay, parse_time<0, 10 * minute>), .example = "5s",
     .help = "How long a server answers \"not ready\" before it stops accepting, so that balancers notice."},
}; }

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
    {.name = "ENABLE_SWAGGER", .programs = api, .type = "true or false",
     .fallback = "true, in production false",
     .computed = swagger, .parse = into(&settings::enable_swagger, parse_bool), .example = "true",
     .help = "Serves /api-docs and /openapi.json."},
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
}; }

std::vector<row> storage_rows() { return {
    {.name = "DATABASE_URL", .programs = everyone, .type = "postgresql://user:password@host:5432/database",
     .hint = "the control database, e.g. postgresql://user:password@host:5432/bulkhead", .show = shown::url,
     .parse = parse_database, .example = "postgresql://bulkhead:<password>@localhost:5432/bulkhead",
     .help = "The control database. postgres:// and postgresql+asyncpg:// are understood."},
    {.name = "DB_SSL_MODE", .programs = everyone,
     .type = "disable, allow, prefer, require, verify-ca or verify-full",
     .fallback = "that of DATABASE_URL, else prefer", .computed = ssl_mode,
     .parse = into(&settings::db_ssl_mode, parse_ssl_mode), .example = "prefer",
     .help = "As libpq's sslmode. Production wants require or stricter."},
    {.name = "DB_POOL_MAX", .aliases = {{"DB_POOL_SIZE"}}, .programs = everyone, .type = "1-10000",
     .fallback = "computed from the threads", .computed = no_default,
     .parse = into(&settings::db_pool_max, parse_pool), .example = "32",
     .help = "Connections of the whole process, over all databases."},
    {.name = "DB_PGBOUNCER", .programs = servers, .type = "host:port",
     .parse = into(&settings::db_pgbouncer, parse_server), .example = "localhost:6432",
     .help = "A PgBouncer in transaction mode before the server of DATABASE_URL, for requests. That stays direct."},
    {.name = "DB_CONNECT_RETRIES", .programs = everyone, .type = "0-100", .fallback = "3",
     .parse = into(&settings::db_connect_retries, parse_number<unsigned, 0, 100>),
     .help = "How often the first connection is tried again before the program gives up."},
    {.name = "DB_STATEMENT_TIMEOUT", .programs = servers, .type = "time from 1ms to 1h", .fallback = "5s",
     .parse = into(&settings::db_statement_timeout, parse_time<1, hour>),
     .help = "The longest one statement may run."},
    {.name = "REDIS_URL", .programs = servers,
     .type = "redis://[:password@]host:6379/0, rediss:// or unix:///path",
     .hint = "e.g. redis://:password@host:6379/0", .show = shown::url,
     .parse = into(&settings::redis, parse_redis), .example = "redis://:<password>@localhost:6379/0",
     .help = "Cache and queue. rediss:// is TLS."},
    {.name = "REDIS_TLS_CA_FILE", .programs = servers, .type = "path",
     .parse = into(&settings::redis_tls_ca_file, parse_text), .example = "/etc/ssl/redis-ca.pem",
     .help = "With rediss://: the certificates to trust, in PEM, instead of those of the system."},
    {.name = "BACKUP_URL", .programs = everyone, .type = "file://folder",
     .fallback = "file://.dev/backups in development and test, else none", .computed = backup_url,
     .parse = into(&settings::backup_folder, parse_file_url), .example = "file:///var/lib/bulkhead/backups",
     .help = "Where the last archive of a deleted tenant goes; none is made without it."},
}; }

std::vector<row> secret_rows() { return {
    {.name = "JWT_SECRET", .aliases = {{"JWT_SECRET_KEY"}, {"SECRET_KEY"}, {"BETTER_AUTH_SECRET"}},
     .programs = api,
     .type = "at least 32 bytes", .hint = random_secret, .show = shown::secret,
     .parse = into(&settings::jwt_secret, parse_secret<32>),
     .help = "Signs access tokens. openssl rand -base64 32"},
    {.name = "JWT_SECRET_PREVIOUS", .programs = api, .type = "text", .show = shown::secret,
     .parse = into(&settings::jwt_secret_previous, parse_secret<0>),
     .help = "The secret before a rotation: still verifies, never signs."},
    {.name = "JWT_ACCESS_TTL", .aliases = {{"JWT_EXPIRATION_HOURS", hours_to_duration}}, .programs = api,
     .type = "time from 1s to 30d", .fallback = "15m",
     .parse = into(&settings::jwt_access_ttl, parse_time<second, 30 * day>),
     .help = "How long an access token is valid. JWT_EXPIRATION_HOURS is a number of hours."},
    {.name = "JWT_ISSUER", .programs = api, .type = "text", .fallback = "bulkhead",
     .parse = into(&settings::jwt_issuer, parse_text), .help = "Claim iss: set, and demanded."},
    {.name = "JWT_AUDIENCE", .programs = api, .type = "text", .fallback = "bulkhead-api",
     .parse = into(&settings::jwt_audience, parse_text), .help = "Claim aud: set, and demanded."},
    {.name = "PASSWORD_HASH", .programs = api | migrator, .type = "bcrypt:4 to bcrypt:15",
     .fallback = "bcrypt:12",
     .parse = into(&settings::bcrypt_cost, parse_password_hash),
     .help = "How new passwords are stored; a login rehashes what differs. Production: bcrypt:10 or above."},
    {.name = "PASSWORD_PEPPER", .programs = api | migrator, .type = "text", .show = shown::secret,
     .parse = into(&settings::password_pepper, parse_secret<0>),
     .help = "Mixed into every password hash. Losing or changing it locks everybody out."},
    {.name = "PLATFORM_ADMIN_TOKEN", .programs = api, .type = "at least 32 bytes", .show = shown::secret,
     .parse = into(&settings::platform_admin_token, parse_secret<32>),
     .help = "Opens /api/platform, which is off without it. openssl rand -base64 32"},
    {.name = "DATA_KEY", .programs = everyone, .type = "32 bytes in base64", .show = shown::secret,
     .parse = into(&settings::data_key, parse_key),
     .help = "Seals the credentials of tenants. Required in production. openssl rand -base64 32"},
    {.name = "DATA_KEY_PREVIOUS", .programs = everyone, .type = "32 bytes in base64", .show = shown::secret,
     .parse = into(&settings::data_key_previous, parse_key),
     .help = "The key before a rotation: still opens, never seals."},
}; }
// clang-format on

}  // namespace

std::span<const row> table() {
    static const std::vector<row> rows = [] {
        std::vector<row> all;
        for (auto part : {general_rows(), http_rows(), storage_rows(), secret_rows()})
            all.insert(all.end(), part.begin(), part.end());
        return all;
    }();
    return rows;
}

}  // namespace bulkhead::config
