// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/sealed_places.hpp"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <utility>

#include "lifecycle/operation.hpp"
#include "lifecycle/tenant_database.hpp"
#include "tenancy/control_store.hpp"
#include "tenancy/webhook_secrets.hpp"

namespace bulkhead::lifecycle {
namespace {

using tenancy::tenant;
using tenancy::tenant_status;

constexpr std::chrono::seconds longest_statement{10};  // in a tenant's database, which is in use meanwhile

const std::vector<sealed_place>& places_in_control() {
    static const std::vector<sealed_place> all{
        {"servers.admin_password",
         "select name as key, 'server/' || name as context, admin_password_sealed as value from servers",
         "update servers set admin_password_sealed = $2 where name = $1 and admin_password_sealed = $3"},
        {"operations.owner_password_hash",
         "select id::text as key, tenant_id || '/owner-account' as context, "
         "input #>> '{owner,password_hash}' as value from operations where finished_at is null",
         "update operations set input = jsonb_set(input, '{owner,password_hash}', to_jsonb($2::text)) "
         "where id = $1::uuid and input #>> '{owner,password_hash}' = $3"},
        {"operations.role_password",
         "select id::text as key, tenant_id::text as context, input #>> '{to,password}' as value "
         "from operations where finished_at is null",
         "update operations set input = jsonb_set(input, '{to,password}', to_jsonb($2::text)) "
         "where id = $1::uuid and input #>> '{to,password}' = $3"},
        {"operations.owner_password",
         "select id::text as key, tenant_id || '/owner' as context, input #>> '{to,owner_password}' as value "
         "from operations where finished_at is null",
         "update operations set input = jsonb_set(input, '{to,owner_password}', to_jsonb($2::text)) "
         "where id = $1::uuid and input #>> '{to,owner_password}' = $3"},
        {"spare_databases.role_password",
         "select id::text as key, id::text as context, role_password_sealed as value from spare_databases",
         "update spare_databases set role_password_sealed = $2 where id = $1::uuid and role_password_sealed "
         "= $3"},
        {"spare_databases.owner_password",
         "select id::text as key, id || '/owner' as context, owner_password_sealed as value "
         "from spare_databases",
         "update spare_databases set owner_password_sealed = $2 "
         "where id = $1::uuid and owner_password_sealed = $3"},
        {"tenants.role_password",
         "select id::text as key, id::text as context, role_password_sealed as value from tenants",
         "update tenants set role_password_sealed = $2 where id = $1::uuid and role_password_sealed = $3"},
        {"tenants.owner_password",
         "select id::text as key, id || '/owner' as context, owner_password_sealed as value from tenants",
         "update tenants set owner_password_sealed = $2 where id = $1::uuid and owner_password_sealed = $3"},
    };
    return all;
}

sealed_place webhook_secrets_of(const tenant& one) {
    return {
        .name = "webhooks.sealed_secret",
        .values = fmt::format("select id::text as key, {} || id as context, sealed_secret as value "
                              "from public.webhooks",
                              postgres::quote_literal(tenancy::webhook_secret_context(one.id, ""))),
        .replace = "update public.webhooks set sealed_secret = $2 where id = $1::uuid and sealed_secret = $3",
        .tenant = one.slug};
}

/// Lets sessions into a database that was put away, as long as this object lives. Its application's role
/// cannot log in, and nobody else has the right to connect. Who brings it back or purges it meanwhile finds
/// it by another name, or ends our session.
class opened_database {
public:
    opened_database(postgres::session& server, std::string name)
        : server_(server), name_(std::move(name)), opened_(admit_sessions(server_, name_, true)) {}
    opened_database(const opened_database&) = delete;
    opened_database& operator=(const opened_database&) = delete;
    ~opened_database() {
        if (opened_) (void)admit_sessions(server_, name_, false);
    }

    [[nodiscard]] const result<void>& opened() const noexcept { return opened_; }

private:
    postgres::session& server_;
    const std::string name_;
    const result<void> opened_;
};

class tour_of_tenants {
public:
    tour_of_tenants(site& at, closed_databases closed, const work_at_place& work)
        : at_(at), closed_(closed), work_(work) {}

    /// An error is one of the control database.
    result<void> visit(const uuid& id) {
        const auto one = to_be_visited(id);
        if (!one) return std::unexpected(one.error());
        if (!*one) return {};
        const auto done = away_.contains((*one)->server.name)
                              ? result<void>(fail(errc::unavailable, "its server cannot be reached"))
                              : visit(**one);
        if (done) return {};
        const auto still = to_be_visited(id);  // it may have been purged in this moment
        if (!still) return std::unexpected(still.error());
        if (*still)
            unvisited_.push_back({(*one)->slug, done.error().detail.empty()
                                                    ? "its database could not be worked in"
                                                    : done.error().detail});
        return {};
    }

    [[nodiscard]] std::vector<unvisited_tenant> unvisited() && { return std::move(unvisited_); }

private:
    result<std::optional<tenant>> to_be_visited(const uuid& id) {
        auto found = tenancy::find_tenant(at_.control(), id);
        if (!found || !*found) return found;
        const auto status = (*found)->status;
        if (status == tenant_status::provisioning || status == tenant_status::purging) return std::nullopt;
        if (closed_ == closed_databases::pass_by && is_put_away(**found)) return std::nullopt;
        return found;
    }

    static bool is_put_away(const tenant& one) { return one.database == deleted_database_name(one.id); }

    result<void> visit(const tenant& one) {
        // A copy of what we change here may be on its way to the place where the tenant will live.
        const auto work = current_operation(at_, one.id);
        if (!work) return std::unexpected(work.error());
        if (*work && (*work)->kind == operation_kind::move)
            return fail(errc::conflict, "it is being moved to another server");
        const auto server = at_.server(one.server.name);
        if (!server) {
            away_.insert(one.server.name);
            return fail(errc::unavailable, "its server cannot be reached");
        }
        if (!is_put_away(one)) return work_in(one);
        const opened_database door(**server, one.database);
        if (!door.opened()) return door.opened();
        return work_in(one);
    }

    result<void> work_in(const tenant& one) {
        const auto login = at_.admin_conninfo(one.server.name, one.database);
        if (!login) return std::unexpected(login.error());
        auto database = connect(*login);
        if (!database) return fail(errc::unavailable, "its database cannot be reached");
        database->set_time_limit(longest_statement);
        if (!one.owner_role.empty())
            if (auto become = run_script(
                    *database, fmt::format("set role {}", postgres::quote_identifier(one.owner_role)));
                !become)
                return become;
        const auto known = run(*database, "select to_regclass('public.webhooks') is not null");
        if (!known) return std::unexpected(known.error());
        return known->boolean(0, 0) ? work_(*database, webhook_secrets_of(one)) : result<void>{};
    }

    site& at_;
    const closed_databases closed_;
    const work_at_place& work_;
    std::set<std::string, std::less<>> away_;  // servers; each is waited for once
    std::vector<unvisited_tenant> unvisited_;
};

}  // namespace

result<std::vector<unvisited_tenant>> visit_sealed_places(site& at, closed_databases closed,
                                                          const work_at_place& work,
                                                          const std::function<bool()>& stop) {
    for (const auto& one : places_in_control()) {
        if (stop && stop()) return {};
        if (auto done = work(at.control(), one); !done) return std::unexpected(std::move(done.error()));
    }
    const auto all = run(at.control(), "select id from tenants order by slug");
    if (!all) return std::unexpected(all.error());
    tour_of_tenants tour(at, closed, work);
    for (std::size_t row = 0; row < all->size() && !(stop && stop()); ++row) {
        const auto id = uuid::parse(all->text(row, 0));
        if (!id) return fail(errc::internal);
        if (auto done = tour.visit(*id); !done) return std::unexpected(std::move(done.error()));
    }
    return std::move(tour).unvisited();
}

}  // namespace bulkhead::lifecycle
