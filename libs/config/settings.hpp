// SPDX-License-Identifier: Apache-2.0
// Every setting in its own type, as load() returns them: parsed and checked, defaults filled in. Each member
// belongs to one row of the table, which says its name in the environment, its bounds and its meaning. A
// member that the program at hand does not use keeps the value given here.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_network.hpp"
#include "base/secret.hpp"
#include "config/mail_settings.hpp"
#include "config/redis_url.hpp"
#include "config/report_targets.hpp"

namespace bulkhead::config {

enum class environment { development, test, staging, production };

/// "development" ...
[[nodiscard]] std::string_view environment_name(environment value) noexcept;

/// Where something listens.
struct server_address {
    std::string host{};  // name or address, without brackets; empty: none
    std::uint16_t port = 0;
};

/// At most `count` requests in `length`.
struct rate_window {
    std::int64_t count = 0;
    std::chrono::seconds length{0};
};

struct settings {
    using milliseconds = std::chrono::milliseconds;

    environment env = environment::development;
    bool debug = false;

    std::uint16_t port = 0;
    std::string bind_address{};  // an IP address
    std::uint16_t ops_port = 0;
    std::string ops_bind{};
    unsigned api_threads = 1;    // never 0
    std::size_t body_limit = 0;  // bytes
    bool enable_swagger = false;
    std::vector<std::string> cors_origins{};  // as browsers write them, or "*" alone
    milliseconds request_timeout{0};
    milliseconds http_head_timeout{0};
    milliseconds http_body_timeout{0};
    milliseconds http_write_timeout{0};
    milliseconds http_keep_alive{0};
    milliseconds http_connection_age{0};
    std::size_t http_request_line = 0;  // bytes
    std::size_t http_headers = 0;       // bytes
    std::size_t http_header_count = 0;
    std::size_t http_requests_per_connection = 0;
    std::size_t max_connections = 0;  // of the process
    bool compress = false;            // answers
    std::string tls_cert_file{};      // path; empty: plain HTTP, and so is the next
    std::string tls_key_file{};
    std::vector<ip_network> trusted_proxies{};
    std::vector<rate_window> rate_limit{};       // empty: off
    std::vector<rate_window> rate_limit_auth{};  // the same
    std::optional<std::size_t>
        max_connections_per_ip{};  // 0: any number; nullopt: 100, and any number on loopback

    secret database_url{};      // postgresql://..., as libpq takes it
    std::string db_ssl_mode{};  // one of libpq's words; wins over what the URL says, and never contradicts it
    std::optional<unsigned>
        db_pool_max{};  // connections of the process over all databases; nullopt: compute it
    server_address db_pgbouncer{};
    unsigned db_connect_retries = 0;
    milliseconds db_statement_timeout{0};

    redis_endpoint redis{};
    std::string redis_tls_ca_file{};  // path; empty: what the system trusts

    unsigned worker_threads = 1;                   // never 0
    std::array<unsigned, 3> worker_concurrency{};  // jobs at a time: critical, default, bulk
    unsigned queue_shards = 4;
    milliseconds queue_keep_succeeded{0};
    milliseconds queue_keep_failed{0};

    secret jwt_secret{};           // at least 32 bytes
    secret jwt_secret_previous{};  // empty: none
    milliseconds jwt_access_ttl{0};
    std::string jwt_issuer{};
    std::string jwt_audience{};

    unsigned bcrypt_cost = 12;
    secret password_pepper{};       // empty: none
    secret platform_admin_token{};  // at least 32 bytes; empty: no platform API
    secret data_key{};              // 32 raw bytes; empty: none
    secret data_key_previous{};     // the same

    std::string default_tenant{};
    std::string tenant_base_domain{};  // lower case; empty: none
    milliseconds tenant_purge_after{0};
    std::size_t tenant_spares = 0;
    milliseconds operations_keep{0};
    milliseconds idempotency_ttl{0};
    std::string backup_folder{};  // empty: none
    milliseconds export_ttl{0};
    std::string storage_folder{};  // as it was given, so perhaps relative

    std::string log_level{};  // as bulkhead::log::parse_level takes it
    bool log_json = true;
    std::string log_file{};        // empty: none
    std::size_t log_file_max = 0;  // bytes
    unsigned log_files = 0;
    double access_log = 1;  // the part of the answers that is logged, 0 to 1
    milliseconds slow_request{0};

    sentry_target sentry{};  // without a URL: none
    std::string sentry_release{};
    report_target otlp_traces{};  // without a URL: none
    report_headers otlp_headers{};
    std::string otlp_service_name{};
    double trace_ratio = 0;  // of the requests whose client says nothing about it

    smtp_endpoint smtp{};        // without a host: none
    std::string smtp_ca_file{};  // path; empty: what the system trusts
    mail_sender mail_from{};     // without an address: none
    std::string app_url{};       // where the product's pages are, no slash at its end; empty: not known
    std::string app_name{};      // of the product

    std::vector<ip_network> webhook_allowed_networks{};  // although they are not public
    milliseconds webhook_disable_after{0};
    milliseconds webhook_keep_deliveries{0};

    std::string fail_point{};  // as arm_fail_point takes it; empty: none

    milliseconds shutdown_timeout{0};
    milliseconds shutdown_drain_delay{0};
};

}  // namespace bulkhead::config
