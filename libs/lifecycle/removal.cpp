// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/removal.hpp"

#include <fmt/format.h>

#include <boost/json/value_from.hpp>
#include <filesystem>

#include "lifecycle/archive.hpp"
#include "lifecycle/credentials.hpp"
#include "lifecycle/new_database.hpp"
#include "lifecycle/saga.hpp"
#include "lifecycle/tenant_database.hpp"
#include "lifecycle/tenant_files.hpp"
#include "lifecycle/transaction.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::lifecycle {
namespace {

using tenancy::tenant;

/// The beginning that all three have in common: the row changes, and the work is recorded, in one
/// transaction. `sql` updates the tenant whose slug, or id, is $1 and returns its id and slug; no row means
/// that its state forbids it.
template <class Name>
result<operation> begin(site& at, operation_kind kind, const Name& name, std::string_view sql,
                        std::initializer_list<postgres::parameter> parameters) {
    transaction all(at.control());
    if (!all.begun()) return std::unexpected(all.begun().error());
    const auto before = tenancy::find_tenant(at.control(), name);
    if (!before) return std::unexpected(before.error());
    if (!*before) return fail(errc::tenant_unknown);
    const auto changed = run(at.control(), sql, parameters);
    if (!changed) return std::unexpected(changed.error());
    if (changed->empty())
        return fail(errc::conflict, fmt::format("the tenant is {}", status_name((*before)->status)));
    const auto id = uuid::parse(changed->text(0, 0));  // the slug may have been given to another since
    const auto slug = changed->text(0, 1);
    if (!id) return fail(errc::internal);
    auto begun = begin_operation(at, kind, *id, slug, {});
    if (!begun) return begun;
    const auto action = fmt::format("tenant.{}", kind_name(kind));
    if (auto noted = audit(at, action, begun->tenant, slug); !noted)
        return std::unexpected(std::move(noted.error()));
    if (auto done = all.commit(); !done) return std::unexpected(std::move(done.error()));
    return begun;
}

/// What the steps of all three work on.
class saga_of_an_end : public saga {
public:
    saga_of_an_end(site& at, const uuid& tenant) : at_(at), id_(tenant) {}

protected:
    [[nodiscard]] saga_step step(std::string_view name, work_on_tenant what) const {
        return tenant_step(name, at_, id_, what);
    }

    site& at_;
    const uuid id_;
};

result<void> rename_in_row(site& at, const tenant& one, const std::string& name) {
    const auto done = run(at.control(), "update tenants set database = $2, updated_at = now() where id = $1",
                          {one.id, name});
    if (!done) return std::unexpected(done.error());
    return {};
}

result<void> lock_role_out(site&, const place& in) { return lock_out(*in.server, in.tenant.role); }

result<void> put_database_away(site& at, const place& in) {
    const auto& [one, server] = in;
    const auto kept = deleted_database_name(one.id);
    if (auto done = put_away(*server, tenancy::database_name(one.id), kept); !done) return done;
    return rename_in_row(at, one, kept);
}

result<void> bring_database_back(site& at, const place& in) {
    const auto& [one, server] = in;
    const auto name = tenancy::database_name(one.id);
    if (auto done = bring_back(*server, deleted_database_name(one.id), name); !done) return done;
    return rename_in_row(at, one, name);
}

result<void> let_in(site& at, const place& in) {
    const auto& [one, server] = in;
    const auto before =
        run(at.control(), "select coalesce(status_before, 'active') from tenants where id = $1", {one.id});
    if (!before) return std::unexpected(before.error());
    if (before->empty()) return fail(errc::not_found);
    const bool active = before->text(0, 0) == "active";
    if (auto open = allow_login(*server, one.role, active); !open) return open;
    const auto done =
        run(at.control(),
            "update tenants set status = coalesce(status_before, status), status_before = null, "
            "deleted_at = null, purge_after = null, updated_at = now() where id = $1",
            {one.id});
    if (!done) return std::unexpected(done.error());
    return {};
}

class removal final : public saga_of_an_end {
public:
    using saga_of_an_end::saga_of_an_end;
    std::vector<saga_step> steps() override {
        return {step("lock out", lock_role_out),
                {"final backup", [this] { return back_up(); }},
                step("put away", put_database_away)};
    }
    std::vector<saga_step> undo() override {
        return {step("bring back", bring_database_back), step("let in", let_in)};
    }

private:
    /// Of all that was ever written: nobody can write any more.
    result<void> back_up() {
        const auto one = load_tenant(at_, id_);
        if (!one) return std::unexpected(one.error());
        const auto path = final_backup(at_, *one);
        if (!path) return std::unexpected(path.error());
        if (!path->empty()) record().progress["backup"] = *path;
        return {};
    }
};

class undelete final : public saga_of_an_end {
public:
    using saga_of_an_end::saga_of_an_end;
    std::vector<saga_step> steps() override {
        return {step("bring back", bring_database_back), step("let in", let_in)};
    }
    std::vector<saga_step> undo() override { return {step("put away", put_database_away)}; }
};

/// Without the passwords nobody can act as the tenant, whatever else remains, in a copy of the control
/// database too.
result<void> destroy_keys(site& at, const place& in) {
    const auto& [one, server] = in;
    const auto done = run(at.control(),
                          "update tenants set role_password_sealed = '', owner_password_sealed = null, "
                          "key_version = key_version + 1, updated_at = now() where id = $1",
                          {one.id});
    if (!done) return std::unexpected(done.error());
    for (const auto& role : {one.role, one.owner_role}) {
        if (role.empty()) continue;
        const auto there = run(*server, "select 1 from pg_roles where rolname = $1", {role});
        if (!there) return std::unexpected(there.error());
        if (there->empty()) continue;
        const auto disabled = run_script(
            *server, fmt::format("alter role {} nologin password null", postgres::quote_identifier(role)));
        if (!disabled) return disabled;
    }
    return {};
}

result<void> drop_databases(site&, const place& in) {
    for (const auto& name : {deleted_database_name(in.tenant.id), tenancy::database_name(in.tenant.id)})
        if (auto gone = drop_database(*in.server, name); !gone) return gone;
    return {};
}

result<void> drop_both_roles(site&, const place& in) {
    return drop_roles(*in.server, credentials_of(in.tenant));
}

class purge final : public saga_of_an_end {
public:
    using saga_of_an_end::saga_of_an_end;
    std::vector<saga_step> steps() override {
        return {step("keys", destroy_keys),
                step("database", drop_databases),
                step("roles", drop_both_roles),
                {"files", [this] { return forget_files(); }},
                {"archives", [this] { return forget_archives(); }},
                {"certificate", [this] { return certify(); }}};
    }

private:
    /// After the database, without which no job can write another one.
    result<void> forget_files() {
        const auto& folder = at_.settings().storage_folder;
        if (folder.empty()) return {};
        const auto gone = remove_files(at_, id_);
        if (!gone) return std::unexpected(gone.error());
        std::error_code failed;  // then the name stays as it was given
        const auto path = std::filesystem::absolute(folder, failed);
        record().progress[*gone ? "files_removed_from" : "files_out_of_reach"] =
            failed ? folder : path.string();
        return {};
    }

    /// Of a run that is repeated, what the first one removed counts too.
    result<void> forget_archives() {
        const auto gone = forget_final_backups(at_, id_);
        if (!gone) return std::unexpected(gone.error());
        auto& count = record().progress["archives_removed"];
        count = (count.is_int64() ? count.as_int64() : 0) + static_cast<std::int64_t>(gone->removed.size());
        record().progress["archives_out_of_reach"] = json::value_from(gone->out_of_reach);
        return {};
    }

    /// The row's end and the certificate are one transaction; when the row is gone, both are done.
    result<void> certify() {
        const auto one = load_tenant(at_, id_);
        if (!one && one.error().code == errc::not_found) return {};
        if (!one) return std::unexpected(one.error());
        transaction all(at_.control());
        if (!all.begun()) return all.begun();
        const auto gone = run(
            at_.control(),
            fmt::format("delete from tenants where id = $1 returning {}", postgres::rfc3339("now()")), {id_});
        if (!gone) return std::unexpected(gone.error());
        if (gone->empty()) return {};
        if (auto noted = audit(at_, "tenant.purged", id_, one->slug, certificate(*one, gone->text(0, 0)));
            !noted)
            return noted;
        return all.commit();
    }

    [[nodiscard]] bool all_archives_are_gone() const {
        const auto* const left = record().progress.if_contains("archives_out_of_reach");
        return left && left->is_array() && left->as_array().empty();
    }

    /// `proof` is sealed with DATA_KEY: whoever has the key can see that nobody else wrote this.
    [[nodiscard]] json::object certificate(const tenant& one, std::string_view when) const {
        json::object out{{"tenant", id_.to_string()},
                         {"slug", one.slug},
                         {"server", one.server.name},
                         {"begun_at", record().created_at},
                         {"destroyed_at", when},
                         {"destroyed",
                          {"credentials of both roles", "key version of access tokens", "database", "roles",
                           "registry entry"}}};
        auto& destroyed = out["destroyed"].as_array();
        if (record().progress.contains("files_removed_from")) destroyed.emplace_back("files");
        if (all_archives_are_gone()) destroyed.emplace_back("final archives");
        for (const std::string_view known :
             {"files_removed_from", "files_out_of_reach", "archives_removed", "archives_out_of_reach"})
            if (const auto* value = record().progress.if_contains(known)) out[known] = *value;
        const auto statement = fmt::format("{} {} {}", id_.to_string(), one.slug, when);
        out["proof"] = at_.box().seal(statement, "certificate/" + id_.to_string());
        return out;
    }
};

}  // namespace

result<operation> begin_removal(site& at, std::string_view slug) {
    const auto kept = static_cast<std::int64_t>(at.settings().keep_deleted.count());
    return begin(at, operation_kind::remove, slug,
                 "update tenants set status_before = status, status = 'deleted', deleted_at = now(), "
                 "purge_after = now() + $2::bigint * interval '1 second', updated_at = now() "
                 "where slug = $1 and status in ('active', 'suspended') returning id, slug",
                 {slug, kept});
}

result<operation> begin_undelete(site& at, std::string_view slug) {
    return begin(at, operation_kind::undelete, slug,
                 "select id, slug from tenants where slug = $1 and status = 'deleted' for update", {slug});
}

result<operation> begin_purge(site& at, std::string_view slug) {
    return begin(at, operation_kind::purge, slug,
                 "update tenants set status = 'purging', updated_at = now() "
                 "where slug = $1 and status = 'deleted' returning id, slug",
                 {slug});
}

result<operation> begin_due_purge(site& at, const uuid& tenant) {
    return begin(at, operation_kind::purge, tenant,
                 "update tenants set status = 'purging', updated_at = now() "
                 "where id = $1 and status = 'deleted' and purge_after < now() returning id, slug",
                 {tenant});
}

result<operation> continue_removal(site& at, const operation& begun) {
    removal how(at, begun.tenant);
    return run_saga(at, begun, how);
}

result<operation> continue_undelete(site& at, const operation& begun) {
    undelete how(at, begun.tenant);
    return run_saga(at, begun, how);
}

result<operation> continue_purge(site& at, const operation& begun) {
    purge how(at, begun.tenant);
    return run_saga(at, begun, how);
}

result<std::vector<uuid>> due_for_purge(const site& at) {
    const auto found =
        run(at.control(), fmt::format("select id from tenants t where status = 'deleted' and purge_after < "
                                      "now() and {} order by purge_after limit 100",
                                      nothing_unfinished));
    if (!found) return std::unexpected(found.error());
    std::vector<uuid> out;
    for (std::size_t row = 0; row < found->size(); ++row) {
        const auto id = uuid::parse(found->text(row, 0));
        if (!id) return fail(errc::internal);
        out.push_back(*id);
    }
    return out;
}

}  // namespace bulkhead::lifecycle
