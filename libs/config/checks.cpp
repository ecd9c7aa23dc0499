// SPDX-License-Identifier: Apache-2.0
#include "config/checks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/database_url.hpp"
#include "config/url_parts.hpp"
#include "config/weak_secret.hpp"

namespace bulkhead::config {
namespace {

using findings = std::vector<finding>;

void check_ports(const settings& values, findings& out) {
    if (values.port != 0 && values.port == values.ops_port)
        out.push_back({"OPS_PORT", fmt::format("{} is PORT already; set another", values.ops_port)});
}

void check_database(const settings& values, findings& out) {
    const auto url = parse_database_url(values.database_url.reveal());
    if (!url) return;  // not used, or reported
    if (!url->ssl_mode.empty() && !values.db_ssl_mode.empty() && url->ssl_mode != values.db_ssl_mode)
        out.push_back({"DB_SSL_MODE", fmt::format("\"{}\" contradicts the sslmode \"{}\" in DATABASE_URL",
                                                  values.db_ssl_mode, url->ssl_mode)});
    else if (values.env == environment::production && !demands_tls(values.db_ssl_mode) &&
             !(url->local && (values.db_pgbouncer.host.empty() || is_loopback(values.db_pgbouncer.host))))
        out.push_back(
            {"DB_SSL_MODE",
             fmt::format("production needs TLS to a database on another host: set require, verify-ca or "
                         "verify-full (it is \"{}\")",
                         values.db_ssl_mode)});
}

void check_redis(const settings& values, findings& out) {
    const auto& host = values.redis.host;
    const auto& seeds = values.redis.seeds;
    const bool away = (!host.empty() && !is_loopback(host)) ||
                      std::ranges::any_of(seeds, [](const auto& each) { return !is_loopback(each.first); });
    if (away && values.redis.password.empty())
        out.push_back(
            {"REDIS_URL", "production needs a password for a Redis on another host: redis://:password@host"});
}

void check_reports(const settings& values, findings& out) {
    const auto exposed = [](const report_target& target) {
        return !target.url.empty() && !target.encrypted && !target.near;
    };
    if (exposed(values.sentry.envelopes))
        out.push_back({"SENTRY_DSN", "production needs https:// to a Sentry on another host"});
    if (exposed(values.otlp_traces) && !values.otlp_headers.empty())
        out.push_back({"OTEL_EXPORTER_OTLP_ENDPOINT",
                       "production needs https:// to send OTEL_EXPORTER_OTLP_HEADERS to another host"});
}

void check_mail(const settings& values, findings& out) {
    if (!values.smtp.host.empty() && values.mail_from.address.empty())
        out.push_back(
            {"MAIL_FROM", "needed beside SMTP_URL: who sends, e.g. Example <no-reply@example.com>"});
    if (!values.smtp.host.empty() && values.app_url.empty())
        out.push_back(
            {"APP_URL", "needed beside SMTP_URL: where links in mails lead, e.g. https://app.example.com"});
}

void check_secret(std::string_view name, const secret& value, findings& out) {
    constexpr std::size_t least = 32;
    if (value.empty()) return;
    const auto weak = weakness(value.reveal());
    if (value.size() < least)
        out.push_back({name, fmt::format("has {} bytes, production needs at least {}", value.size(), least)});
    else if (!weak.empty())
        out.push_back({name, fmt::format("{}, which production refuses: openssl rand -base64 32", weak)});
}

void check_production(const settings& values, findings& out) {
    constexpr unsigned least_cost = 10;
    if (values.debug) out.push_back({"DEBUG", "must be false in production"});
    if (std::ranges::find(values.cors_origins, "*") != values.cors_origins.end())
        out.push_back({"CORS_ORIGINS", "must name the origins in production: * is everybody"});
    if (!values.fail_point.empty())
        out.push_back({"BULKHEAD_FAIL_POINT", "is for tests, which do not run in production"});
    if (values.bcrypt_cost < least_cost)
        out.push_back({"PASSWORD_HASH", fmt::format("production needs bcrypt:{} or above", least_cost)});
    if (values.data_key.empty())
        out.push_back({"DATA_KEY", "required in production: 32 bytes in base64, openssl rand -base64 32"});
    if (std::ranges::any_of(values.trusted_proxies, &ip_network::is_everybody))
        out.push_back({"TRUSTED_PROXIES",
                       "trusts everybody, so that clients could name any address as theirs: name "
                       "the proxies"});
    if (std::ranges::any_of(values.webhook_allowed_networks, &ip_network::is_everybody))
        out.push_back({"WEBHOOK_ALLOWED_NETWORKS",
                       "lets customers call everything that this server can reach: name the networks"});
    check_secret("JWT_SECRET", values.jwt_secret, out);
    check_secret("JWT_SECRET_PREVIOUS", values.jwt_secret_previous, out);
    check_secret("PASSWORD_PEPPER", values.password_pepper, out);
    check_secret("PLATFORM_ADMIN_TOKEN", values.platform_admin_token, out);
    check_secret("DATA_KEY", values.data_key, out);
    check_secret("DATA_KEY_PREVIOUS", values.data_key_previous, out);
    check_redis(values, out);
    check_reports(values, out);
}

}  // namespace

std::vector<finding> cross_check(const settings& values) {
    findings out;
    check_ports(values, out);
    check_database(values, out);
    check_mail(values, out);
    if (values.env == environment::production) check_production(values, out);
    return out;
}

}  // namespace bulkhead::config
