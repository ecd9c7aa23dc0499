// SPDX-License-Identifier: Apache-2.0
#include "service/control_database.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <stdexcept>

#include "observability/log.hpp"
#include "persistence/migrations/embedded.hpp"
#include "persistence/migrations/migration.hpp"
#include "persistence/postgres/session.hpp"
#include "runtime/signals.hpp"
#include "service/command_line.hpp"

namespace bulkhead::service {
namespace {

constexpr unsigned per_thread = 16;
constexpr unsigned kept_for_operators = 10;

unsigned to_unsigned(std::string_view text) {
    unsigned value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

unsigned room_of(const control_facts& server) {
    return server.max_connections > kept_for_operators ? server.max_connections - kept_for_operators : 1;
}

}  // namespace

std::int64_t newest_control_schema() {
    const auto set = migrations::load_migrations("control", migrations::control_files());
    if (!set) throw std::runtime_error(set.error().message);
    return set->head();
}

control_facts meet_control_database(const config::settings& settings, const postgres::conninfo& target) {
    const runtime::nothing_to_finish yet;  // it may take minutes
    postgres::database_error why;
    auto session = postgres::open_with_retries(target, settings.db_connect_retries, {}, &why);
    if (!session && postgres::login_refused(why))
        throw wrong_configuration(fmt::format("DATABASE_URL: {}", why.message));
    if (!session)
        throw std::runtime_error(
            fmt::format("the control database {} cannot be reached after {} attempts: {}; check DATABASE_URL",
                        target.describe(), settings.db_connect_retries, why.message));
    control_facts out{.schema_version = 0, .max_connections = 100};
    if (const auto limit = session->run("show max_connections"))
        out.max_connections = to_unsigned(limit->text(0, 0));
    if (const auto version = session->run("select coalesce(max(version), 0) from schema_migrations"))
        out.schema_version = version->integer(0, 0);
    return out;
}

unsigned connection_budget(const config::settings& settings, const control_facts& server) {
    const unsigned room = room_of(server);
    const unsigned threads = std::max(settings.api_threads, settings.worker_threads);  // a program has one
    if (!settings.db_pool_max) return std::clamp(per_thread * threads, 2u, std::max(2u, room / 2));
    if (*settings.db_pool_max > room)
        log::warn("DB_POOL_MAX is more than the server admits: expect 503 under load",
                  {{"DB_POOL_MAX", *settings.db_pool_max}, {"max_connections", server.max_connections}});
    return *settings.db_pool_max;
}

share_settings share_options(const config::settings& settings, const control_facts& server,
                             unsigned reactors) {
    const bool direct = settings.db_pgbouncer.host.empty();
    return {.most = connection_budget(settings, server),
            .room = direct ? room_of(server) : std::numeric_limits<unsigned>::max(),
            .least = 2 * reactors};
}

}  // namespace bulkhead::service
