// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/role_passwords.hpp"

#include <fmt/format.h>

#include "base/fail_point.hpp"
#include "lifecycle/credentials.hpp"
#include "lifecycle/operation.hpp"
#include "lifecycle/transaction.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::lifecycle {
namespace {

/// The new passwords in clear and sealed; the roles keep their names.
struct new_passwords {
    credentials sealed;
    secret application, owner;
};

result<new_passwords> make_passwords(const site& at, const tenancy::tenant& one) {
    new_passwords out{.sealed = make_credentials(one.id, at.box()), .application = {}, .owner = {}};
    auto application = at.box().open(out.sealed.sealed_password, one.id.to_string());
    auto owner = at.box().open(out.sealed.sealed_owner_password, tenancy::owner_password_context(one.id));
    if (!application) return std::unexpected(std::move(application.error()));
    if (!owner) return std::unexpected(std::move(owner.error()));
    out.application = *std::move(application);
    out.owner = *std::move(owner);
    return out;
}

result<void> store(const site& at, const tenancy::tenant& one, const new_passwords& made) {
    const auto done =
        run(at.control(),
            fmt::format(
                "update tenants t set role_password_sealed = $2, owner_password_sealed = "
                "case when owner_role is null then null else $3 end, updated_at = now() "
                "where id = $1 and status in ('active', 'suspended') and role_password_sealed = $4 and {}",
                nothing_unfinished),
            {one.id, made.sealed.sealed_password, made.sealed.sealed_owner_password, one.sealed_password});
    if (!done) return std::unexpected(done.error());
    if (done->affected() == 0)
        return fail(errc::conflict, fmt::format("the tenant is {}, or other work on it is not finished",
                                                status_name(one.status)));
    return audit(at, "tenant.rotate-credentials", one.id, one.slug);
}

result<void> give(postgres::session& server, const tenancy::tenant& one, const new_passwords& made) {
    if (auto done = set_password(server, one.role, made.application); !done) return done;
    if (one.owner_role.empty()) return {};
    return set_password(server, one.owner_role, made.owner);
}

result<bool> can_log_in(const postgres::conninfo& login) {
    postgres::database_error why;
    if (postgres::session::open(login, std::chrono::seconds(10), {.application_name = "bulkhead-lifecycle"},
                                &why))
        return true;
    // libpq gives no SQLSTATE for a login that was refused; its words are those of the server.
    if (why.to_string().find("authentication failed") != std::string::npos) return false;
    return fail(errc::unavailable, "the tenant's database cannot be reached");
}

}  // namespace

result<void> rotate_credentials(site& at, std::string_view slug) {
    const auto found = tenancy::find_tenant(at.control(), slug);
    if (!found) return std::unexpected(found.error());
    if (!*found) return fail(errc::tenant_unknown);
    const auto& one = **found;
    const auto made = make_passwords(at, one);
    if (!made) return std::unexpected(made.error());
    const auto server = at.server(one.server.name);
    if (!server) return std::unexpected(server.error());

    transaction row(at.control());
    if (!row.begun()) return row.begun();
    if (auto stored = store(at, one, *made); !stored) return stored;
    // On the control database's own server both change in the same moment.
    if (*server == &at.control()) {
        if (auto given = give(**server, one, *made); !given) return given;
        return row.commit();
    }
    // Elsewhere with one round trip between them: what the role refuses is known before the row changes.
    transaction roles(**server);
    if (!roles.begun()) return roles.begun();
    if (auto given = give(**server, one, *made); !given) return given;
    if (auto done = row.commit(); !done) return done;
    fail_point("rotate-credentials.stored");
    return roles.commit();
}

result<bool> credentials_fit(const site& at, const tenancy::tenant& one) {
    const auto owner = tenancy::owner_conninfo(at.control_info(), one, at.box());
    if (!owner) return std::unexpected(owner.error());
    auto fits = can_log_in(*owner);
    if (!fits || !*fits || one.status != tenancy::tenant_status::active) return fits;
    auto direct = one;
    if (auto opened = tenancy::open_password(direct, at.box()); !opened)
        return std::unexpected(std::move(opened.error()));
    direct.server.pooler_host.clear();  // it may hold connections from before
    return can_log_in(tenancy::tenant_conninfo(at.control_info(), direct));
}

}  // namespace bulkhead::lifecycle
