// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/spares.hpp"

#include <fmt/format.h>

#include "base/fail_point.hpp"
#include "lifecycle/locks.hpp"
#include "lifecycle/new_database.hpp"
#include "lifecycle/template_database.hpp"
#include "lifecycle/tenant_database.hpp"

namespace bulkhead::lifecycle {
namespace {

constexpr std::string_view columns =
    "p.id, s.name, p.role_name, p.role_password_sealed, p.owner_role, p.owner_password_sealed";

result<spare> read_spare(const postgres::rows& found, std::size_t row) {
    const auto id = uuid::parse(found.text(row, 0));
    if (!id) return fail(errc::internal);
    const auto text = [&](std::size_t column) { return std::string(found.text(row, column)); };
    return spare{*id, text(1), {text(2), text(3), text(4), text(5)}};
}

/// The row comes first: what it names is made, or cleaned up, by whoever comes next.
result<spare> record_spare(site& at, std::string_view server) {
    const auto id = uuid::generate();
    spare made{id, std::string(server), make_credentials(id, at.box())};
    const auto inserted = run(
        at.control(),
        "insert into spare_databases (id, server_id, database, role_name, role_password_sealed, owner_role, "
        "owner_password_sealed, schema_version) "
        "select $1, s.id, $3, $4, $5, $6, $7, $8::bigint from servers s where s.name = $2",
        {id, server, tenancy::database_name(id), made.login.role, made.login.sealed_password,
         made.login.owner_role, made.login.sealed_owner_password, at.schema().head()});
    if (!inserted) return std::unexpected(inserted.error());
    return made;
}

result<void> build(site& at, const spare& one) {
    const auto server = at.server(one.server);
    if (!server) return std::unexpected(server.error());
    const auto name = tenancy::database_name(one.id);
    if (auto done = create_roles(**server, one.id, one.login, at.box(), at.settings().connection_limit);
        !done)
        return done;
    fail_point("spare.roles");
    const auto source = ensure_template(at, one.server);
    if (!source) return std::unexpected(source.error());
    if (auto done = create_database(**server, name, *source, one.login); !done) return done;
    fail_point("spare.database");
    if (auto done = open_database(**server, name, one.login); !done) return done;
    fail_point("spare.open");
    const auto login = at.admin_conninfo(one.server, name);
    if (!login) return std::unexpected(login.error());
    auto database = connect(*login);
    if (!database) return std::unexpected(std::move(database.error()));
    if (auto done = hand_over(*database, one.login); !done) return done;
    fail_point("spare.handed-over");
    const auto ready = run(at.control(), "update spare_databases set ready = true where id = $1", {one.id});
    if (!ready) return std::unexpected(ready.error());
    return {};
}

result<void> discard(site& at, const spare& one) {
    const auto server = at.server(one.server);
    if (!server) return std::unexpected(server.error());
    if (auto gone = drop_database(**server, tenancy::database_name(one.id)); !gone) return gone;
    if (auto gone = drop_roles(**server, one.login); !gone) return gone;
    const auto gone = run(at.control(), "delete from spare_databases where id = $1", {one.id});
    if (!gone) return std::unexpected(gone.error());
    return {};
}

/// What is no use any more: unfinished, of an older schema, on a server that takes no more tenants, or with
/// passwords under a key that is on its way out. A newer build's are left to it, for as long as a rollout
/// takes. Nobody else makes spares meanwhile: we hold the lock. False: some could not be dropped.
result<bool> clean_up(site& at) {
    const auto found =
        run(at.control(),
            fmt::format("select {}, p.ready and s.accepts_tenants and p.schema_version >= $1::bigint and "
                        "(p.schema_version = $1::bigint or p.created_at > now() - interval '1 hour') "
                        "from spare_databases p join servers s on s.id = p.server_id",
                        columns),
            {at.schema().head()});
    if (!found) return std::unexpected(found.error());
    bool clean = true;
    for (std::size_t row = 0; row < found->size(); ++row) {
        const auto one = read_spare(*found, row);
        if (!one) return std::unexpected(one.error());
        if (found->boolean(row, 6) && at.box().current(one->login.sealed_password)) continue;
        // From here on nobody takes it; who took it in this moment has it.
        const auto taken =
            run(at.control(), "update spare_databases set ready = false where id = $1", {one->id});
        if (!taken) return std::unexpected(taken.error());
        if (taken->affected() == 0) continue;
        clean = discard(at, *one).has_value() && clean;  // another server may answer
    }
    return clean;
}

result<std::size_t> count(const site& at) {
    const auto found = run(at.control(), "select count(*) from spare_databases where ready");
    if (!found) return std::unexpected(found.error());
    return static_cast<std::size_t>(found->integer(0, 0));
}

/// As choose_server, but none where something is still to be cleaned up: a server that is away must not
/// collect unfinished spares. "" for none.
result<std::string> choose_server_for_spare(const site& at) {
    const auto found =
        run(at.control(),
            "select s.name from servers s where s.accepts_tenants and not exists "
            "(select 1 from spare_databases p where p.server_id = s.id and not p.ready) order by "
            "(select count(*) from tenants t where t.server_id = s.id) + "
            "(select count(*) from spare_databases p where p.server_id = s.id), s.id limit 1");
    if (!found) return std::unexpected(found.error());
    return found->empty() ? std::string() : std::string(found->text(0, 0));
}

}  // namespace

result<std::optional<spare>> claim_spare(const site& at, std::string_view server) {
    const auto taken =
        run(at.control(),
            fmt::format("delete from spare_databases p using servers s where s.id = p.server_id and p.id = "
                        "(select c.id from spare_databases c join servers h on h.id = c.server_id "
                        "where c.ready and c.schema_version = $1::bigint and "
                        "case when $2 = '' then h.accepts_tenants else h.name = $2 end "
                        "order by c.created_at limit 1 for update of c skip locked) returning {}",
                        columns),
            {at.schema().head(), server});
    if (!taken) return std::unexpected(taken.error());
    if (taken->empty()) return std::nullopt;
    auto one = read_spare(*taken, 0);
    if (!one) return std::unexpected(std::move(one.error()));
    return *std::move(one);
}

result<bool> refill_spares(site& at, std::size_t wanted, const std::function<bool()>& stop) {
    const auto lock = lock_by_name(at, "spares", {});
    if (!lock && lock.error().code == errc::conflict) return true;
    if (!lock) return std::unexpected(lock.error());
    auto complete = clean_up(at);
    if (!complete) return complete;
    for (;;) {
        const auto there = count(at);
        if (!there) return std::unexpected(there.error());
        if (*there >= wanted) return complete;
        if (stop && stop()) return false;
        const auto server = choose_server_for_spare(at);
        if (!server) return std::unexpected(server.error());
        if (server->empty()) return false;
        const auto one = record_spare(at, *server);
        if (!one) return std::unexpected(one.error());
        fail_point("spare.recorded");
        if (!build(at, *one)) complete = false;  // and its server gets no other before it is cleaned up
    }
}

}  // namespace bulkhead::lifecycle
