// SPDX-License-Identifier: Apache-2.0
#include "service/from_settings.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace bulkhead::service {
namespace {

std::optional<secret> if_set(const secret& value) {
    return value.empty() ? std::nullopt : std::optional<secret>(value);
}

/// Logs each change, and of attempts that fail alike the first.
auto connection_log(std::string_view who) {
    return [who, was_up = false, known = std::string()](bool up, std::string_view why) mutable {
        if (up)
            log::info(fmt::format("{}: connected", who));
        else if (was_up)
            log::warn(fmt::format("{}: connection lost", who), {{"reason", why}});
        else if (why != known)
            log::warn(fmt::format("{}: cannot connect", who), {{"reason", why}});
        was_up = up;
        known = why;
    };
}

}  // namespace

log::options log_options(const config::settings& from) {
    return {.threshold = log::parse_level(from.log_level).value_or(log::level::info),
            .json = from.log_json,
            .file = from.log_file,
            .file_max_bytes = from.log_file_max,
            .files = from.log_files};
}

std::chrono::milliseconds longest_stop(const config::settings& from) {
    return from.shutdown_drain_delay + from.shutdown_timeout + std::chrono::seconds{10};
}

postgres::conninfo control_target(const config::settings& from) {
    auto target = postgres::parse_database_url(from.database_url.reveal());
    if (!target) throw std::runtime_error("DATABASE_URL: " + target.error().detail);
    target->sslmode = from.db_ssl_mode;
    return std::move(*target);
}

postgres::session_defaults session_options(const config::settings& from, std::string_view program) {
    return {.application_name = std::string(program),
            .statement_timeout = from.db_statement_timeout,
            .lock_timeout = std::chrono::seconds{2},
            .idle_in_transaction_timeout = std::chrono::seconds{10},
            .client_check_interval = std::chrono::milliseconds{50}};
}

lifecycle::site_settings site_options(const config::settings& from, std::string actor) {
    return {.actor = std::move(actor),
            .keep_deleted = std::chrono::duration_cast<std::chrono::seconds>(from.tenant_purge_after),
            .backup_folder = from.backup_folder,
            .storage_folder = from.storage_folder,
            .demand_tls = from.env == config::environment::production};
}

std::optional<postgres::pooler> database_pooler(const config::settings& from,
                                                const postgres::conninfo& control) {
    const auto& [host, port] = from.db_pgbouncer;
    if (host.empty()) return std::nullopt;
    return postgres::pooler{host, std::to_string(port), control.host, control.port};
}

sealed_box data_box(const config::settings& from) {
    return sealed_box(if_set(from.data_key), if_set(from.data_key_previous));
}

auth::token_settings token_options(const config::settings& from) {
    return {.current = from.jwt_secret,
            .previous = if_set(from.jwt_secret_previous),
            .issuer = from.jwt_issuer,
            .audience = from.jwt_audience,
            .ttl = from.jwt_access_ttl};
}

mail::sender_options mail_options(const config::settings& from) {
    using config::smtp_tls;
    mail::sender_options out{.from = {from.mail_from.name, from.mail_from.address}};
    if (from.smtp.host.empty()) {
        out.to_log = from.env == config::environment::development || from.env == config::environment::test;
        if (out.to_log && out.from.address.empty()) out.from.address = "no-reply@bulkhead.invalid";
        return out;
    }
    const auto& server = from.smtp;
    const auto protect = server.tls == smtp_tls::from_start   ? mail::encryption::from_start
                         : server.tls == smtp_tls::required   ? mail::encryption::required
                         : server.tls == smtp_tls::if_offered ? mail::encryption::if_offered
                                                              : mail::encryption::none;
    out.server = {.host = server.host,
                  .port = server.port,
                  .user = server.user,
                  .password = server.password,
                  .protect = protect,
                  .ca_file = from.smtp_ca_file};
    return out;
}

mail::brand mail_brand(const config::settings& from) {
    auto home = mail::link_base::parse(from.app_url);
    if (!home) throw std::runtime_error("mails have no links: set APP_URL, e.g. https://app.example.com");
    return {from.app_name, *std::move(home)};
}

redis::redis_endpoint redis_target(const config::settings& from) {
    const auto& r = from.redis;
    std::vector<redis::redis_address> seeds;
    for (const auto& [host, port] : r.seeds) seeds.push_back({host, port});
    return {.host = r.host,
            .port = r.port,
            .unix_path = r.unix_path,
            .user = r.user,
            .password = r.password,
            .database = r.database,
            .tls = r.tls,
            .tls_ca_file = from.redis_tls_ca_file,
            .seeds = std::move(seeds),
            .service = r.service,
            .sentinel_user = r.sentinel_user,
            .sentinel_password = r.sentinel_password};
}

outbound::target_rules webhook_targets(const config::settings& from) {
    return {.plain_http = from.env != config::environment::production,
            .addresses = {.allowed = from.webhook_allowed_networks}};
}

redis::redis_client_options redis_options(metrics::registry& counts) {
    auto& connections = counts.add_gauge("bulkhead_redis_connections", "Connections to Redis that are up");
    auto& seconds = counts.add_histogram("bulkhead_redis_command_duration_seconds",
                                         "Commands that Redis answered", metrics::latency_bounds());
    auto& failures = counts.add_counter("bulkhead_redis_failures_total", "Commands without an answer");
    redis::redis_client_options out;
    out.on_change = [&connections, log = connection_log("redis")](bool up, std::string_view why) mutable {
        connections.set(up ? 1 : 0);
        log(up, why);
    };
    out.on_command = [&](std::chrono::nanoseconds took, bool answered) {
        if (answered)
            seconds.observe(std::chrono::duration<double>(took).count());
        else
            failures.add();
    };
    return out;
}

}  // namespace bulkhead::service
