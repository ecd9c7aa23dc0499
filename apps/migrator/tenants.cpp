// SPDX-License-Identifier: Apache-2.0
// bulkhead-migrator tenant create, tenant list
#include <fmt/format.h>

#include <fstream>

#include "auth/password_hasher.hpp"
#include "auth/password_policy.hpp"
#include "base/text.hpp"
#include "commands.hpp"
#include "lifecycle/creation.hpp"
#include "lifecycle/new_database.hpp"
#include "persistence/postgres/session.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::migrator {
namespace {

using tenancy::tenant;

void print(const context& with, const tenant& one) {
    with.out.data({{"type", "tenant"},
                   {"id", one.id.to_string()},
                   {"slug", one.slug},
                   {"name", one.name},
                   {"status", status_name(one.status)},
                   {"server", one.server.name},
                   {"database", one.database},
                   {"schema_version", one.schema_version},
                   {"created_at", one.created_at}},
                  fmt::format("{:<39} {:<12} {:>7}  {}  {}", one.slug, status_name(one.status),
                              one.schema_version, one.database, one.name));
}

/// The file's first line, which is all that a secret's file holds.
std::expected<secret, std::string> read_password(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text(4097, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!file.is_open() || file.bad()) return std::unexpected(fmt::format("{} cannot be read", path));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > 4096) return std::unexpected(fmt::format("{} is too long for a password", path));
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    if (!is_utf8(text) || text.find('\0') != text.npos)
        return std::unexpected(fmt::format("{} is not UTF-8 text", path));
    return secret(std::move(text));
}

std::expected<std::optional<lifecycle::owner_account>, std::string> read_owner(const context& with) {
    const auto& args = with.args;
    if (args.owner_email.empty()) return std::nullopt;
    const auto password = read_password(args.owner_password_file);
    if (!password) return std::unexpected(password.error());
    if (const auto wrong = auth::check_password(password->reveal(), args.owner_email, args.slug))
        return std::unexpected("the owner's password: " + wrong->detail);
    const auth::password_hasher hasher(with.settings.bcrypt_cost, with.settings.password_pepper);
    return lifecycle::owner_account{.email = args.owner_email,
                                    .name = args.owner_name.empty() ? args.owner_email : args.owner_name,
                                    .password_hash = hasher.hash(*password)};
}

std::string explain(const error& why, std::string_view slug) {
    std::string text =
        fmt::format("tenant {}: {}", slug, why.detail.empty() ? describe(why.code).title : why.detail);
    for (const auto& field : why.fields)
        text += fmt::format("; {}: {}", field.pointer.substr(1), field.detail);
    return text;
}

result<lifecycle::operation> resume(const lifecycle::site& at, const tenant& half_made) {
    auto found = lifecycle::current_operation(at, half_made.id);
    if (!found) return std::unexpected(std::move(found.error()));
    if (!*found) return fail(errc::conflict, "the tenant is half made and nothing is recorded of it");
    return **std::move(found);
}

/// A creation that was interrupted is completed as it was begun.
result<tenant> make_tenant(lifecycle::site& at, const std::optional<tenant>& existing,
                           const lifecycle::new_tenant& wanted) {
    auto begun = existing && existing->status == tenancy::tenant_status::provisioning
                     ? resume(at, *existing)
                     : lifecycle::begin_creation(at, wanted);
    if (!begun) return std::unexpected(std::move(begun.error()));
    const auto done = lifecycle::continue_creation(at, *begun);
    if (!done) return std::unexpected(done.error());
    if (done->state != lifecycle::operation_state::succeeded) return fail(errc::internal, done->error);
    return lifecycle::load_tenant(at, done->tenant);
}

int report(const context& with, const tenant& one, bool created) {
    print(with, one);
    with.out.summary({{"created", created}});
    return exit_ok;
}

}  // namespace

int create_tenant(const context& with) {
    const auto& args = with.args;
    if (auto valid = tenancy::check_slug(args.slug); !valid)
        return with.out.message(explain(valid.error(), args.slug)), exit_usage;
    if (const auto checked = check_control(with); checked != exit_ok) return checked;
    const auto existing = tenancy::find_tenant(with.control, args.slug);
    if (!existing) return with.out.message(with.control.last_message()), exit_failed;
    if (args.if_absent && *existing && (*existing)->status != tenancy::tenant_status::provisioning)
        return report(with, **existing, false);

    auto owner = read_owner(with);
    if (!owner) return with.out.message(owner.error()), exit_usage;
    lifecycle::site at(with.control, with.control_info, with.box, with.tenant_schema, {.actor = "cli"});
    at.on_step = [&](std::string_view step) { with.out.message(fmt::format("{}: {}", args.slug, step)); };
    const auto made = make_tenant(
        at, *existing,
        {.slug = args.slug, .name = args.name.empty() ? args.slug : args.name, .owner = *std::move(owner)});
    if (made) return report(with, *made, true);
    with.out.message(explain(made.error(), args.slug));
    return made.error().code == errc::validation_failed ? exit_usage : exit_failed;
}

int list_tenants(const context& with) {
    if (const auto checked = check_control(with); checked != exit_ok) return checked;
    const auto tenants = read_tenants(with);
    if (!tenants) return with.out.message(tenants.error().message), exit_failed;
    for (const auto& one : *tenants) print(with, one);
    with.out.summary({{"tenants", tenants->size()}});
    return exit_ok;
}

}  // namespace bulkhead::migrator
