// SPDX-License-Identifier: Apache-2.0
// Makes a tenant: a row, a role, a database, its schema, its owner. Creating a database cannot be part of a
// transaction, so this is a series of steps that may each be repeated; a run that was killed anywhere is
// completed by running it again for the same slug. Blocking, seconds long; one thread at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/sealed_box.hpp"
#include "persistence/migrations/migration.hpp"
#include "persistence/postgres/conninfo.hpp"
#include "persistence/postgres/session.hpp"
#include "tenancy/tenant.hpp"

namespace bulkhead::tenancy {

/// The first user, made with role `owner`.
struct owner_account {
    std::string email;  // stored in lower case
    std::string name;
    std::string password_hash;
};

struct new_tenant {
    std::string slug;
    std::string name;  // 1 to 200 characters
    std::optional<owner_account> owner{};
};

/// What every step works with. References must outlive the call.
struct provisioner {
    postgres::session& control;               // the control database, at its newest version
    const postgres::conninfo& admin;          // how `control` logged in; needs CREATEDB and CREATEROLE
    const sealed_box& box;                    // seals the role's password, context: the tenant's id
    const migrations::migration_set& schema;  // of tenant databases
    int connection_limit = 50;                // of the role, over all processes
    std::function<void(std::string_view)> on_step{};  // told the name of each step before it begins
};

/// Creates the tenant, or completes one whose creation was interrupted (then the name given first stays).
/// Returns it active, with its opened password. errc::conflict when the slug is taken or being created by
/// another process, errc::validation_failed for a bad slug, name or owner; else what the database says.
/// Details are in the log.
result<tenant> create_tenant(const provisioner& with, const new_tenant& wanted);

/// The rights of the application in a tenant's database: data of all tables, now and later, no schema
/// changes. Run after every migration, because default privileges cover only what the same login creates.
result<void> grant_application(postgres::session& tenant_database, std::string_view role);

/// Takes CONNECT away from PUBLIC on the control database, and on `postgres` and `template1` where this login
/// may: a tenant's role can then enter only its own. Returns the databases of the server that every role may
/// still enter.
result<std::vector<std::string>> close_control_server(postgres::session& control);

}  // namespace bulkhead::tenancy
