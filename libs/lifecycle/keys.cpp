// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lifecycle/credentials.hpp"
#include "lifecycle/transaction.hpp"
#include "observability/log.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::lifecycle {
namespace {

/// Where secrets are kept. `values` gives, under these names: key (of the row), context (of the seal), value.
/// `replace` sets the value of the row $1 to $2, if it still is $3.
struct place {
    std::string_view name;
    std::string_view values;
    std::string_view replace;
};

// In the order in which values wander, from a spare database or an operation into a tenant.
constexpr std::array places{
    place{"servers.admin_password",
          "select name as key, 'server/' || name as context, admin_password_sealed as value from servers",
          "update servers set admin_password_sealed = $2 where name = $1 and admin_password_sealed = $3"},
    place{"operations.owner_password_hash",
          "select id::text as key, tenant_id || '/owner-account' as context, "
          "input #>> '{owner,password_hash}' as value from operations where finished_at is null",
          "update operations set input = jsonb_set(input, '{owner,password_hash}', to_jsonb($2::text)) "
          "where id = $1::uuid and input #>> '{owner,password_hash}' = $3"},
    place{"spare_databases.role_password",
          "select id::text as key, id::text as context, role_password_sealed as value from spare_databases",
          "update spare_databases set role_password_sealed = $2 where id = $1::uuid and role_password_sealed "
          "= $3"},
    place{"spare_databases.owner_password",
          "select id::text as key, id || '/owner' as context, owner_password_sealed as value "
          "from spare_databases",
          "update spare_databases set owner_password_sealed = $2 "
          "where id = $1::uuid and owner_password_sealed = $3"},
    place{"tenants.role_password",
          "select id::text as key, id::text as context, role_password_sealed as value from tenants",
          "update tenants set role_password_sealed = $2 where id = $1::uuid and role_password_sealed = $3"},
    place{"tenants.owner_password",
          "select id::text as key, id || '/owner' as context, owner_password_sealed as value from tenants",
          "update tenants set owner_password_sealed = $2 where id = $1::uuid and owner_password_sealed = $3"},
};

key_use use_of(const site& at, std::string_view key, std::string_view example) {
    if (at.box().current(example)) return key_use::current;
    const auto ids = at.box().key_ids();
    return key == "plain" || (ids.size() > 1 && key == ids[1]) ? key_use::previous : key_use::unknown;
}

/// One pass over one place, in batches by key.
class pass {
public:
    pass(const site& at, const place& over, const std::function<bool()>& stop)
        : at_(at), over_(over), stop_(stop) {}

    std::size_t sealed = 0;
    std::size_t unopened = 0;

    /// False: nothing is left, or it was stopped.
    result<bool> next_batch() {
        if (stop_ && stop_()) return false;
        constexpr int batch = 200;
        const auto current = at_.box().seal("", "");  // only for what stands in front
        const auto front = current.substr(0, current.rfind(':') + 1);
        const auto found = run(at_.control(),
                               fmt::format("select key, context, value from ({}) x where value <> '' and "
                                           "not starts_with(value, $1) and key > $2 order by key limit {}",
                                           over_.values, batch),
                               {front, last_});
        if (!found) return std::unexpected(found.error());
        for (std::size_t row = 0; row < found->size(); ++row)
            if (auto done = reseal(found->text(row, 0), found->text(row, 1), found->text(row, 2)); !done)
                return std::unexpected(std::move(done.error()));
        return !found->empty();
    }

private:
    result<void> reseal(std::string_view key, std::string_view context, std::string_view value) {
        last_ = key;
        const auto plain = at_.box().open(value, context);
        if (!plain) {
            ++unopened;
            log::error("a secret cannot be opened", {{"place", over_.name}, {"row", key}});
            return {};
        }
        const auto done =
            run(at_.control(), over_.replace, {key, at_.box().seal(plain->reveal(), context), value});
        if (!done) return std::unexpected(done.error());
        sealed += done->affected();
        return {};
    }

    const site& at_;
    const place& over_;
    const std::function<bool()>& stop_;
    std::string last_;
};

/// Whether something is left that can be opened and is not sealed with the current key.
result<bool> anything_left(const site& at) {
    const auto all = list_sealed_values(at);
    if (!all) return std::unexpected(all.error());
    return std::ranges::any_of(*all, [](const sealed_values& one) { return one.use == key_use::previous; });
}

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
    const auto done = run(
        at.control(),
        "update tenants t set role_password_sealed = $2, owner_password_sealed = "
        "case when owner_role is null then null else $3 end, updated_at = now() "
        "where id = $1 and status in ('active', 'suspended') and role_password_sealed = $4 and not exists "
        "(select 1 from operations o where o.tenant_id = t.id and o.finished_at is null)",
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

std::string_view use_name(key_use use) noexcept {
    switch (use) {
        case key_use::current: return "current";
        case key_use::previous: return "previous";
        default: return "unknown";
    }
}

result<std::vector<sealed_values>> list_sealed_values(const site& at) {
    std::vector<sealed_values> out;
    for (const auto& one : places) {
        // Values of one key have the same beginning; the shortest of them stands for all.
        const auto found =
            run(at.control(), fmt::format("select min(value), count(*) from ({}) x where value <> '' "
                                          "group by split_part(value, ':', 1), case when "
                                          "starts_with(value, 'g1:') then split_part(value, ':', 2) "
                                          "end order by 1",
                                          one.values));
        if (!found) return std::unexpected(found.error());
        for (std::size_t row = 0; row < found->size(); ++row) {
            const auto key = sealed_box::key_id_of(found->text(row, 0));
            out.push_back({.place = std::string(one.name),
                           .key = std::string(key),
                           .use = use_of(at, key, found->text(row, 0)),
                           .count = found->integer(row, 1)});
        }
    }
    return out;
}

result<resealing> reseal(const site& at, const std::function<void(std::size_t)>& on_batch,
                         const std::function<bool()>& stop) {
    if (at.box().key_ids().empty()) return fail(errc::conflict, "DATA_KEY is not set");
    constexpr int passes = 3;  // for what was changed, or made with the old key, while we were at it
    resealing out;
    for (int i = 0; i < passes && !out.complete; ++i) {
        out.unopened = 0;
        for (const auto& one : places) {
            pass over(at, one, stop);
            for (auto more = over.next_batch();; more = over.next_batch()) {
                if (!more) return std::unexpected(std::move(more.error()));
                if (on_batch && *more) on_batch(out.sealed + over.sealed);
                if (!*more) break;
            }
            out.sealed += over.sealed;
            out.unopened += over.unopened;
        }
        const auto left = anything_left(at);
        if (!left) return std::unexpected(left.error());
        out.complete = !*left;
        if (stop && stop()) break;
    }
    return out;
}

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
