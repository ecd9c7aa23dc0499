// SPDX-License-Identifier: Apache-2.0
// What every command works with, and the commands themselves. Each returns an exit status (exit_code.hpp),
// prints its data through `out` and explains failures on stderr. One thread.
#pragma once

#include <vector>

#include "arguments.hpp"
#include "base/sealed_box.hpp"
#include "config/settings.hpp"
#include "exit_code.hpp"
#include "output.hpp"
#include "persistence/migrations/engine.hpp"
#include "persistence/postgres/session.hpp"
#include "tenancy/tenant.hpp"

namespace bulkhead::migrator {

struct context {
    const arguments& args;
    const config::settings& settings;
    const output& out;
    const sealed_box& box;
    const postgres::conninfo& control_info;
    postgres::session& control;  // connected to the control database
    const migrations::migration_set& control_schema;
    const migrations::migration_set& tenant_schema;
};

int migrate_up(const context& with);
int show_status(const context& with);
int create_tenant(const context& with);
int list_tenants(const context& with);
int show_tenant(const context& with);
int suspend_tenant(const context& with);
int resume_tenant(const context& with);
int rename_tenant(const context& with);
int limit_tenant(const context& with);
int end_sessions(const context& with);
int delete_tenant(const context& with);
int undelete_tenant(const context& with);
int purge_tenant(const context& with);
int clone_tenant(const context& with);
int export_tenant(const context& with);
int import_tenant(const context& with);
int move_tenant(const context& with);
int repair_tenants(const context& with);
int list_servers(const context& with);
int add_server(const context& with);
int remove_server(const context& with);
int drain_server(const context& with);
int accept_server(const context& with);
int set_pooler(const context& with);
int generate_key(const output& out);
int list_keys(const context& with);
int rotate_keys(const context& with);
int run_doctor(const context& with);

/// A connection to a tenant's database as administrator; failure_kind::failed when it cannot be had.
migrations::outcome<postgres::session> open_tenant(const context& with, const tenancy::tenant& one);

/// All tenants in the order of their slugs.
migrations::outcome<std::vector<tenancy::tenant>> read_tenants(const context& with);

/// exit_ok when the control database is at the version of this build; else says on stderr what is the matter.
exit_code check_control(const context& with);

}  // namespace bulkhead::migrator
