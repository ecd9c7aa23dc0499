// SPDX-License-Identifier: Apache-2.0
#include "tenancy/provisioning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/crypto.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "observability/log.hpp"
#include "persistence/migrations/advisory_lock.hpp"
#include "persistence/migrations/engine.hpp"
#include "persistence/postgres/sqlstate.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::tenancy {
namespace {

using postgres::quote_identifier;
using postgres::quote_literal;

constexpr std::string_view already_exists[] = {"42710", "42P04", "23505"};

/// Logs the server's words, which must not reach the client, and passes the error on.
std::unexpected<error> give_up(std::string_view step, std::string_view slug, error what,
                               std::string_view reason) {
    log::error("creating a tenant failed", {{"tenant", slug}, {"step", step}, {"reason", reason}});
    return std::unexpected(std::move(what));
}

/// One lock per slug, so that two processes never work on the same tenant.
std::int64_t lock_key(std::string_view slug) {
    const auto digest = sha256(fmt::format("bulkhead tenant {}", slug));
    std::int64_t key = 0;
    std::memcpy(&key, digest.view().data(), sizeof key);
    return key;
}

result<void> check(const new_tenant& wanted) {
    if (auto slug = check_slug(wanted.slug); !slug) return slug;
    const auto characters = is_utf8(wanted.name) ? count_code_points(wanted.name) : 0;
    if (characters < 1 || characters > 200 || wanted.name.find('\0') != std::string::npos)
        return fail_field("/name", "invalid_length", "1 to 200 characters");
    if (!wanted.owner) return {};
    const auto& email = wanted.owner->email;
    const auto at = email.find('@');
    if (email.size() > 254 || at == 0 || at == email.npos || at + 1 == email.size() || !is_utf8(email) ||
        email.find_first_of(std::string_view(" \t\r\n\0", 5)) != email.npos)
        return fail_field("/owner/email", "invalid_format", "an e-mail address");
    if (wanted.owner->password_hash.empty()) return fail_field("/owner/password", "required", "a password");
    return {};
}

class saga {
public:
    saga(const provisioner& with, const new_tenant& wanted) : with_(with), wanted_(wanted) {}

    result<tenant> run() {
        using step = result<void> (saga::*)();
        constexpr std::pair<std::string_view, step> steps[] = {
            {"reserve", &saga::reserve}, {"role", &saga::make_role},    {"database", &saga::make_database},
            {"close", &saga::close},     {"migrate", &saga::migrate},   {"grant", &saga::grant},
            {"owner", &saga::add_owner}, {"activate", &saga::activate},
        };
        for (const auto& [name, action] : steps) {
            if (with_.on_step) with_.on_step(name);
            if (auto done = (this->*action)(); !done) {
                if (done.error().code == errc::conflict) return std::unexpected(std::move(done.error()));
                return give_up(name, wanted_.slug, std::move(done.error()), reason());
            }
        }
        return std::move(tenant_);
    }

private:
    /// The words of whichever connection failed last.
    [[nodiscard]] std::string reason() const {
        if (!reason_.empty()) return reason_;
        return database_ && !database_->last_error().message.empty() ? database_->last_message()
                                                                     : with_.control.last_message();
    }

    /// The row comes first: it takes the slug and names the database before anything else exists.
    result<void> reserve() {
        const auto id = uuid::generate();
        const auto name = database_name(id);
        const auto inserted = with_.control.run(
            "insert into tenants (id, slug, name, server_id, database, role_name, role_password_sealed) "
            "select $1, $2, $3, s.id, $4, $4, '' from servers s where s.host is null on conflict (slug) do "
            "nothing",
            {id, wanted_.slug, wanted_.name, name});
        if (!inserted) return std::unexpected(inserted.error());
        auto found = find_tenant(with_.control, wanted_.slug);
        if (!found) return std::unexpected(std::move(found.error()));
        if (!*found) return fail(errc::internal);
        tenant_ = **std::move(found);
        if (tenant_.status != tenant_status::provisioning) return fail(errc::conflict, "this slug is taken");
        return {};
    }

    /// A new password each time: what an interrupted run sealed was never given out.
    result<void> make_role() {
        tenant_.password = secret(random_token());
        tenant_.sealed_password = with_.box.seal(tenant_.password.reveal(), tenant_.id.to_string());
        const auto saved = with_.control.run("update tenants set role_password_sealed = $2 where id = $1",
                                             {tenant_.id, tenant_.sealed_password});
        if (!saved) return std::unexpected(saved.error());
        const auto verifier = with_.control.scram_verifier(tenant_.role, tenant_.password);
        if (!verifier) return std::unexpected(verifier.error());
        const auto role = quote_identifier(tenant_.role);
        const auto login = fmt::format("login connection limit {} password {}", with_.connection_limit,
                                       quote_literal(*verifier));
        auto made = tolerate_existing(with_.control.run(fmt::format(
            "create role {} nosuperuser nocreatedb nocreaterole noinherit noreplication {}", role, login)));
        if (!made) return made;
        return control_statement(fmt::format("alter role {} {}", role, login));
    }

    result<void> make_database() {
        const auto exists =
            with_.control.run("select 1 from pg_database where datname = $1", {tenant_.database});
        if (!exists) return std::unexpected(exists.error());
        if (!exists->empty()) return {};
        // template0 for it holds nothing local; WAL_LOG because FILE_COPY forces two checkpoints.
        return tolerate_existing(with_.control.run(
            fmt::format("create database {} template template0 encoding 'UTF8' strategy wal_log",
                        quote_identifier(tenant_.database))));
    }

    result<void> close() {
        const auto database = quote_identifier(tenant_.database), role = quote_identifier(tenant_.role);
        for (const auto& sql :
             {fmt::format("revoke connect, temporary on database {} from public", database),
              fmt::format("grant connect on database {} to {}", database, role),
              // Last resorts against a client that hangs; the application sets its own, shorter ones.
              fmt::format("alter role {} in database {} set statement_timeout = '60s'", role, database),
              fmt::format("alter role {} in database {} set idle_in_transaction_session_timeout = '60s'",
                          role, database)})
            if (auto done = control_statement(sql); !done) return done;
        return {};
    }

    result<void> migrate() {
        postgres::database_error why;
        auto opened =
            postgres::session::open(with_.admin.with_database(tenant_.database), std::chrono::seconds(10),
                                    {.application_name = "bulkhead-provisioning"}, &why);
        if (!opened) {
            reason_ = why.to_string();
            return std::unexpected(std::move(opened.error()));
        }
        database_.emplace(*std::move(opened));
        const auto done = migrations::apply(*database_, with_.schema);
        if (done) return tenant_.schema_version = done->to, result<void>{};
        reason_ = done.error().message;
        return fail(done.error().kind == migrations::failure_kind::locked ? errc::unavailable
                                                                          : errc::internal);
    }

    result<void> grant() { return grant_application(*database_, tenant_.role); }

    result<void> add_owner() {
        if (!wanted_.owner) return {};
        const auto& owner = *wanted_.owner;
        const auto added = database_->run(
            "insert into users (id, email, name, password_hash, role, email_verified) "
            "values ($1, lower($2), $3, $4, 'owner', true) on conflict (email) do nothing",
            {uuid::generate(), owner.email, owner.name, owner.password_hash});
        if (!added) return std::unexpected(added.error());
        return {};
    }

    result<void> activate() {
        const auto done = with_.control.run(
            "update tenants set status = 'active', schema_version = $2::bigint, updated_at = now() "
            "where id = $1 and status = 'provisioning'",
            {tenant_.id, tenant_.schema_version});
        if (!done) return std::unexpected(done.error());
        if (done->affected() != 1)
            return fail(errc::conflict, "the tenant was changed while it was being created");
        tenant_.status = tenant_status::active;
        return {};
    }

    result<void> control_statement(const std::string& sql) {
        if (auto done = with_.control.run(sql); !done) return std::unexpected(std::move(done.error()));
        return {};
    }

    result<void> tolerate_existing(result<postgres::rows> made) {
        if (made ||
            std::ranges::find(already_exists, with_.control.last_sqlstate()) != std::end(already_exists))
            return {};
        return std::unexpected(std::move(made.error()));
    }

    const provisioner& with_;
    const new_tenant& wanted_;
    tenant tenant_;
    std::optional<postgres::session> database_;
    std::string reason_;
};

}  // namespace

result<tenant> create_tenant(const provisioner& with, const new_tenant& wanted) {
    if (auto valid = check(wanted); !valid) return std::unexpected(std::move(valid.error()));
    // The server may need a moment to notice that the holder was killed.
    const auto lock =
        migrations::advisory_lock::take(with.control, lock_key(wanted.slug), std::chrono::seconds(5));
    if (!lock && lock.error().kind == migrations::failure_kind::locked)
        return fail(errc::conflict, "this tenant is being created by another process");
    if (!lock)
        return give_up("lock", wanted.slug, postgres::to_error(with.control.last_sqlstate()),
                       lock.error().message);
    return saga(with, wanted).run();
}

result<void> grant_application(postgres::session& tenant_database, std::string_view role) {
    const auto name = quote_identifier(role);
    const auto done = tenant_database.run_script(fmt::format(
        "revoke create on schema public from public;"
        "grant usage on schema public to {0};"
        "grant select, insert, update, delete on all tables in schema public to {0};"
        "grant usage, select on all sequences in schema public to {0};"
        "alter default privileges in schema public grant select, insert, update, delete on tables to {0};"
        "alter default privileges in schema public grant usage, select on sequences to {0};"
        "revoke insert, update, delete on schema_migrations from {0}",
        name));
    if (!done) return done;
    return {};
}

result<std::vector<std::string>> close_control_server(postgres::session& control) {
    const auto open = [&](std::string_view columns, std::string_view condition) {
        return control.run(
            fmt::format("select {} from pg_database where datallowconn and "
                        "has_database_privilege('public', oid, 'CONNECT') and {} order by datname",
                        columns, condition));
    };
    const auto ours = open("datname, datname = current_database() or pg_has_role(datdba, 'USAGE')",
                           "datname in (current_database(), 'postgres', 'template1')");
    if (!ours) return std::unexpected(ours.error());
    for (std::size_t i = 0; i < ours->size(); ++i) {
        if (!ours->boolean(i, 1)) continue;
        const auto sql = fmt::format("revoke connect, temporary on database {} from public",
                                     quote_identifier(ours->text(i, 0)));
        if (auto done = control.run(sql); !done) return std::unexpected(std::move(done.error()));
    }
    const auto left = open("datname", "true");
    if (!left) return std::unexpected(left.error());
    std::vector<std::string> names;
    for (std::size_t i = 0; i < left->size(); ++i) names.emplace_back(left->text(i, 0));
    return names;
}

}  // namespace bulkhead::tenancy
