// SPDX-License-Identifier: Apache-2.0
// From settings, which know words of the environment, to the options of the libraries, which do not know
// settings.
#pragma once

#include <optional>

#include "auth/access_token.hpp"
#include "base/sealed_box.hpp"
#include "config/settings.hpp"
#include "lifecycle/site.hpp"
#include "mail/sender.hpp"
#include "mail/templates.hpp"
#include "observability/log.hpp"
#include "observability/metrics.hpp"
#include "outbound/target.hpp"
#include "persistence/postgres/pooler.hpp"
#include "persistence/redis/client.hpp"
#include "persistence/redis/endpoint.hpp"

namespace bulkhead::service {

log::options log_options(const config::settings& from);

/// The control database with the TLS mode of DB_SSL_MODE. Throws std::runtime_error for a URL that libpq
/// refuses.
/// More than a stop takes: the delay, the timeout, and what is put away afterwards.
std::chrono::milliseconds longest_stop(const config::settings& from);

postgres::conninfo control_target(const config::settings& from);

/// What every session of the program tells the server.
postgres::session_defaults session_options(const config::settings& from, std::string_view program);

/// For work on tenants on behalf of `actor`.
lifecycle::site_settings site_options(const config::settings& from, std::string actor);

/// DB_PGBOUNCER, on the way to the server of `control`; none when it is not set.
std::optional<postgres::pooler> database_pooler(const config::settings& from,
                                                const postgres::conninfo& control);

sealed_box data_box(const config::settings& from);

auth::token_settings token_options(const config::settings& from);

/// SMTP_URL and MAIL_FROM. Without a server, development and test write mails to the log, the others have a
/// problem (mail::problem_of).
mail::sender_options mail_options(const config::settings& from);

/// APP_NAME and APP_URL. Throws std::runtime_error without an APP_URL, which only a program does that has a
/// problem with mail_options too.
mail::brand mail_brand(const config::settings& from);

/// Where webhooks may lead: https, and http:// too outside production.
outbound::target_rules webhook_targets(const config::settings& from);

redis::redis_endpoint redis_target(const config::settings& from);

/// Logs when Redis comes and goes, and why it cannot be connected to. Counts as bulkhead_redis_*; each call
/// is for one client.
redis::redis_client_options redis_options(metrics::registry& counts);

}  // namespace bulkhead::service
