// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/creation.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "lifecycle/new_database.hpp"
#include "lifecycle/saga.hpp"
#include "lifecycle/spares.hpp"
#include "lifecycle/transaction.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::lifecycle {
namespace {

constexpr std::string_view unique_violation = "23505";

std::string input_context(const uuid& tenant) { return tenant.to_string() + "/owner-account"; }

/// The hash is sealed as a credential is: the record may outlive the run.
json::object record_of(const site& at, const uuid& tenant, const new_tenant& wanted) {
    json::object out;
    if (!wanted.owner) return out;
    out["owner"] = {{"email", wanted.owner->email},
                    {"name", wanted.owner->name},
                    {"password_hash", at.box().seal(wanted.owner->password_hash, input_context(tenant))}};
    return out;
}

class creation final : public saga {
public:
    explicit creation(site& at) : at_(at) {}

    std::vector<saga_step> steps() override {
        auto out = new_database_steps(at_, record().tenant);
        out.push_back({"owner", [this] { return add_owner(); }});
        out.push_back({"activate", [this] { return activate_tenant(at_, record().tenant); }});
        return out;
    }
    std::vector<saga_step> undo() override { return forget_database_steps(at_, record().tenant); }

private:
    result<void> add_owner() {
        const auto* const given = record().input.if_contains("owner");
        if (!given) return {};
        const auto& owner = given->as_object();
        const auto text = [&](std::string_view member) { return std::string(owner.at(member).as_string()); };
        const auto hash = at_.box().open(text("password_hash"), input_context(record().tenant));
        if (!hash) return std::unexpected(hash.error());
        auto database = connect_as_owner(at_, record().tenant);
        if (!database) return std::unexpected(std::move(database.error()));
        const auto added = run(*database,
                               "insert into users (id, email, name, password_hash, role, email_verified) "
                               "values ($1, lower($2), $3, $4, 'owner', true) on conflict (email) do nothing",
                               {uuid::generate(), text("email"), text("name"), hash->reveal()});
        if (!added) return std::unexpected(added.error());
        return {};
    }

    site& at_;
};

result<void> check_owner(const owner_account& owner) {
    const auto& email = owner.email;
    const auto at = email.find('@');
    if (email.size() > 254 || at == 0 || at == email.npos || at + 1 == email.size() || !is_utf8(email) ||
        email.find_first_of(std::string_view(" \t\r\n\0", 5)) != email.npos)
        return fail_field("/owner/email", "invalid_format", "an e-mail address");
    if (!is_utf8(owner.name) || owner.name.find('\0') != std::string::npos)
        return fail_field("/owner/name", "invalid_format", "text");
    if (owner.password_hash.empty()) return fail_field("/owner/password", "required", "a password");
    return {};
}

}  // namespace

result<void> check(const new_tenant& wanted) {
    if (auto slug = tenancy::check_slug(wanted.slug); !slug) return slug;
    if (auto name = tenancy::check_name(wanted.name); !name) return name;
    return wanted.owner ? check_owner(*wanted.owner) : result<void>{};
}

result<void> insert_tenant(const site& at, const uuid& id, const new_tenant& wanted, std::string_view server,
                           const credentials& of) {
    const auto inserted = at.control().run(
        "insert into tenants (id, slug, name, server_id, database, role_name, "
        "role_password_sealed, owner_role, owner_password_sealed, limits, schema_version) "
        "select $1, $2, $3, s.id, $5, $6, $7, $8, $9, $10::jsonb, $11::bigint from servers s "
        "where s.name = $4",
        {id, wanted.slug, wanted.name, server, tenancy::database_name(id), of.role, of.sealed_password,
         of.owner_role, of.sealed_owner_password, schema::to_json(wanted.limits), at.schema().head()});
    if (!inserted && at.control().last_sqlstate() == unique_violation)
        return fail(errc::conflict, "this slug is taken");
    if (!inserted) return std::unexpected(inserted.error());
    if (inserted->affected() == 0) return fail_field("/server", "unknown", "there is no such server");
    return {};
}

result<operation> begin_creation(site& at, const new_tenant& wanted) {
    if (auto valid = check(wanted); !valid) return std::unexpected(std::move(valid.error()));
    transaction all(at.control());
    if (!all.begun()) return std::unexpected(all.begun().error());
    const auto spare = claim_spare(at, wanted.server);
    if (!spare) return std::unexpected(spare.error());
    const auto id = *spare ? (*spare)->id : uuid::generate();
    const auto server = *spare ? result<std::string>((*spare)->server) : choose_server(at, wanted.server);
    if (!server) return std::unexpected(server.error());
    const auto login = *spare ? (*spare)->login : make_credentials(id, at.box());
    if (auto done = insert_tenant(at, id, wanted, *server, login); !done)
        return std::unexpected(std::move(done.error()));
    // A spare has all of the steps that make a database behind it.
    auto begun = begin_operation(at, operation_kind::create, id, wanted.slug, record_of(at, id, wanted), {},
                                 *spare ? last_database_step : "");
    if (!begun) return begun;
    if (auto noted = audit(at, "tenant.create", id, wanted.slug, {{"spare", spare->has_value()}}); !noted)
        return std::unexpected(std::move(noted.error()));
    if (auto done = all.commit(); !done) return std::unexpected(std::move(done.error()));
    return begun;
}

result<operation> continue_creation(site& at, const operation& begun) {
    creation how(at);
    return run_saga(at, begun, how);
}

}  // namespace bulkhead::lifecycle
