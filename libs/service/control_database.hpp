// SPDX-License-Identifier: Apache-2.0
// Meeting the control database at start: a service that cannot reach it says so and ends, instead of
// answering 503 for ever. Once it runs, it reconnects for ever.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/settings.hpp"
#include "persistence/postgres/conninfo.hpp"
#include "service/connection_share.hpp"

namespace bulkhead::service {

struct control_facts {
    std::int64_t schema_version;  // 0: never migrated
    unsigned max_connections;     // of the server
};

/// The version of the control database that this program was built for.
std::int64_t newest_control_schema();

/// As many attempts as DB_CONNECT_RETRIES says, one log line each. Throws std::runtime_error when none
/// succeeds, and wrong_configuration at once when the server knows the user, the password or the database
/// better. SIGTERM ends the process meanwhile.
control_facts meet_control_database(const config::settings& settings, const postgres::conninfo& target);

/// The process's budget of connections over all databases: DB_POOL_MAX, or 16 for each thread but never more
/// than half of what the server admits. A budget over the server's limit is a warning: others pay for it.
unsigned connection_budget(const config::settings& settings, const control_facts& server);

/// How this process takes part in sharing the server out: its budget, and the server's connections without
/// those for operators. Through PgBouncer there is nothing to share: it has its own limits.
share_settings share_options(const config::settings& settings, const control_facts& server,
                             unsigned reactors);

}  // namespace bulkhead::service
