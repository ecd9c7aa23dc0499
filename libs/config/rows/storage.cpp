// SPDX-License-Identifier: Apache-2.0
#include "config/rows/rows.hpp"

#include "config/database_url.hpp"

namespace bulkhead::config {
using namespace rows;
namespace {

parsed<void> parse_database(settings& out, std::string_view text) {
    auto url = parse_database_url(text);
    if (!url) return std::unexpected(std::move(url).error().detail);
    out.database_url = std::move(url->url);
    return {};
}

parsed<std::optional<unsigned>> parse_pool(std::string_view text) {
    const auto size = parse_number<unsigned, 1, 10'000>(text);
    if (!size) return std::unexpected(size.error());
    return *size;
}

std::string no_default(const circumstances&, so_far) { return {}; }
std::string backup_url(const circumstances&, so_far values) {
    const bool local = values.env == environment::development || values.env == environment::test;
    return local ? "file://.dev/backups" : "";
}

/// What the URL asks for counts, so that the two never disagree by accident.
std::string ssl_mode(const circumstances&, so_far values) {
    const auto url = parse_database_url(values.database_url.reveal());
    return url && !url->ssl_mode.empty() ? url->ssl_mode : "prefer";
}

}  // namespace

// clang-format off
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
     .type = "redis://[:password@]host:6379/0, rediss://, unix:///path, redis+sentinel:// or redis+cluster://",
     .hint = "e.g. redis://:password@host:6379/0", .show = shown::url,
     .parse = into(&settings::redis, parse_redis), .example = "redis://:<password>@localhost:6379/0",
     .help = "Cache and queue. rediss:// is TLS. Sentinel: redis+sentinel://:password@h1:26379,h2,h3/service/0, a "
             "cluster: redis+cluster://:password@h1:6379,h2,h3; docs/redis.md."},
    {.name = "REDIS_TLS_CA_FILE", .programs = servers, .type = "path",
     .parse = into(&settings::redis_tls_ca_file, parse_text), .example = "/etc/ssl/redis-ca.pem",
     .help = "With rediss://: the certificates to trust, in PEM, instead of those of the system."},
    {.name = "STORAGE_URL", .programs = everyone, .type = "file://folder", .fallback = "file://.dev/storage",
     .parse = into(&settings::storage_folder, parse_file_url), .example = "file:///var/lib/bulkhead/storage",
     .help = "Where files of tenants are kept, exports for example. One folder for all processes."},
    {.name = "EXPORT_TTL", .programs = worker, .type = "time from 1h to 90d", .fallback = "7d",
     .parse = into(&settings::export_ttl, parse_time<hour, 90 * day>),
     .help = "How long a finished export can be fetched; then its file is removed."},
    {.name = "BACKUP_URL", .programs = everyone, .type = "file://folder",
     .fallback = "file://.dev/backups in development and test, else none", .computed = backup_url,
     .parse = into(&settings::backup_folder, parse_file_url), .example = "file:///var/lib/bulkhead/backups",
     .help = "Where the last archive of a deleted tenant goes; none is made without it."},
}; }
// clang-format on

}  // namespace bulkhead::config
