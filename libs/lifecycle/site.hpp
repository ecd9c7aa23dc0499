// SPDX-License-Identifier: Apache-2.0
// What all work on tenants stands on: the control database, its login, the keys, the schema, and what the
// program wants. Blocking; one thread at a time. References must outlive it.
#pragma once

#include <chrono>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/sealed_box.hpp"
#include "persistence/migrations/migration.hpp"
#include "persistence/postgres/conninfo.hpp"
#include "persistence/postgres/session.hpp"
#include "tenancy/tenant.hpp"

namespace bulkhead::lifecycle {

struct site_settings {
    std::string actor = "system";  // who asked, for the audit log: "cli:root", "api", "worker"
    int connection_limit = 50;     // of an application role, over all processes
    std::chrono::seconds keep_deleted = std::chrono::hours(24 * 30);
    std::string backup_folder{};   // for the final archive of a deleted tenant; empty: none is made
    std::string storage_folder{};  // of tenants' files; empty: there are none
    std::chrono::seconds longest_copy = std::chrono::hours(4);  // of one database
    bool demand_tls = false;                                    // to servers and poolers on other hosts
};

class site {
public:
    /// `control` is logged in as `control_info` says, with the rights to make databases and roles, and its
    /// schema is at its newest version. `schema` is that of tenants.
    site(postgres::session& control, const postgres::conninfo& control_info, const sealed_box& box,
         const migrations::migration_set& schema, site_settings settings = {});

    [[nodiscard]] postgres::session& control() const noexcept { return control_; }
    [[nodiscard]] const postgres::conninfo& control_info() const noexcept { return control_info_; }
    [[nodiscard]] const sealed_box& box() const noexcept { return box_; }
    [[nodiscard]] const migrations::migration_set& schema() const noexcept { return schema_; }
    [[nodiscard]] const site_settings& settings() const noexcept { return settings_; }

    /// A session as administrator in the main database of a server; that of the control database for its own.
    /// Opened at the first call and kept while it is good. errc::not_found for an unknown name.
    result<postgres::session*> server(std::string_view name);

    /// How an administrator logs in to a database of a server.
    result<postgres::conninfo> admin_conninfo(std::string_view server, std::string database);

    /// Of the request that the work is done for; stands in the audit log.
    std::string request_id{};
    /// Told the name of each step before it begins; for people who watch.
    std::function<void(std::string_view)> on_step{};
    /// Asked before each step of recorded work, and during long copies; true leaves the rest to whoever goes
    /// on with it.
    std::function<bool()> stop{};

private:
    postgres::session& control_;
    const postgres::conninfo& control_info_;
    const sealed_box& box_;
    const migrations::migration_set& schema_;
    const site_settings settings_;
    struct open_session {
        postgres::conninfo login;
        postgres::session session;
        std::chrono::steady_clock::time_point used;
    };
    std::map<std::string, open_session, std::less<>> sessions_;
};

/// Runs one statement. A failure is logged with the server's words, which clients must not see.
result<postgres::rows> run(postgres::session& on, std::string_view sql,
                           std::initializer_list<postgres::parameter> parameters = {});

/// The same without rows, for one or several statements without parameters.
result<void> run_script(postgres::session& on, std::string_view sql);

/// Logs in; a failure is logged with its reason.
result<postgres::session> connect(const postgres::conninfo& target);

/// Writes a row of the audit log, on behalf of the site's actor.
result<void> audit(const site& at, std::string_view action, const uuid& tenant, std::string_view slug,
                   const json::object& detail = {});

}  // namespace bulkhead::lifecycle
