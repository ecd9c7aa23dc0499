// SPDX-License-Identifier: Apache-2.0
// Ways around the doors to a tenant's and to control data, none of which may compile. A line that is to be
// refused says why behind "refused:", as a regular expression for the compiler's message; every other line
// must compile. The script `check` in this folder reads the marks.
#include "auth/platform_context.hpp"
#include "features/accounts/repository.hpp"
#include "features/tasks/repository.hpp"
#include "tenancy/directory.hpp"

using namespace bulkhead;

// What a feature does.
void within_the_rules(const auth::user_context& user, const tenancy::tenant_context& tenant,
                      const auth::platform_context& platform) {
    const tasks::repository his_tasks(user);
    const accounts::repository its_users(tenant);
    const postgres::database& its_data = tenant.db();
    const postgres::database everybody = platform.control();
    static_cast<void>(its_data);
    static_cast<void>(everybody);
}

// A context cannot be made, nor turned to another tenant.
void contexts(std::shared_ptr<const tenancy::tenant> other, postgres::database db, http::exchange& x,
              tenancy::tenant_context tenant, auth::access_claims claims, auth::platform_gate& gate) {
    const tenancy::tenant_context forged(other, db, x);  // refused: private
    const auth::user_context promoted(tenant, claims);   // refused: private
    const auth::platform_context operator_(gate, x);     // refused: private
    tenant.tenant_ = other;                              // refused: private
    const tenancy::tenant_context nobody;                // refused: no matching function
}

// A repository takes a context and nothing less.
void repositories(postgres::database db, const tenancy::tenant& known, const uuid& id,
                  const tenancy::tenant_context& tenant) {
    const tasks::repository of_anybody(db);        // refused: no matching function
    const tasks::repository of_everybody(tenant);  // refused: no matching function
    const tasks::repository of_id(id);             // refused: no matching function
    const accounts::repository by_name(known);     // refused: no matching function
    const accounts::repository by_database(db);    // refused: no matching function
}

// A database cannot be opened past the doors.
void databases(tenancy::registry& registry, const tenancy::known_tenant& known, runtime::deadline limit,
               auth::platform_gate& gate) {
    registry.open(tenancy::tenant_passage(), known, limit);  // refused: private
    registry.open({}, known, limit);                         // refused: private
    registry.open(known, limit);                             // refused: no matching function
    registry.control(tenancy::control_passage(), limit);     // refused: private
    registry.control({}, limit);                             // refused: private
    registry.control(limit);                                 // refused: no matching function
    static_cast<void>(known.target_);                        // refused: private
    static_cast<void>(gate.control_);                        // refused: private
    const postgres::database out_of_nothing;                 // refused: no matching function
}
