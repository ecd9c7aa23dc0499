// SPDX-License-Identifier: Apache-2.0
#include "app.hpp"

#include <fmt/format.h>

#include <iostream>
#include <stdexcept>

#include "arguments.hpp"
#include "base/fail_point.hpp"
#include "base/version.hpp"
#include "commands.hpp"
#include "config/load.hpp"
#include "persistence/migrations/embedded.hpp"
#include "reporting.hpp"
#include "stop_signal.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::migrator {
namespace {

std::optional<secret> if_set(const secret& value) {
    return value.empty() ? std::nullopt : std::optional<secret>(value);
}

int complain(exit_code code, std::string_view message) {
    fmt::print(stderr, "bulkhead-migrator: {}\n", message);
    return code;
}

int dispatch(const context& with) {
    if (with.args.run == command::up) return migrate_up(with);
    if (with.args.run == command::status) return show_status(with);
    if (with.args.run == command::doctor) return run_doctor(with);
    if (const auto checked = check_control(with); checked != exit_ok) return checked;
    switch (with.args.run) {
        case command::tenant_create: return create_tenant(with);
        case command::tenant_list: return list_tenants(with);
        case command::tenant_show: return show_tenant(with);
        case command::tenant_suspend: return suspend_tenant(with);
        case command::tenant_resume: return resume_tenant(with);
        case command::tenant_rename: return rename_tenant(with);
        case command::tenant_limits: return limit_tenant(with);
        case command::tenant_end_sessions: return end_sessions(with);
        case command::tenant_delete: return delete_tenant(with);
        case command::tenant_undelete: return undelete_tenant(with);
        case command::tenant_purge: return purge_tenant(with);
        case command::tenant_clone: return clone_tenant(with);
        case command::tenant_export: return export_tenant(with);
        case command::tenant_import: return import_tenant(with);
        case command::tenant_move: return move_tenant(with);
        case command::tenant_repair: return repair_tenants(with);
        case command::server_list: return list_servers(with);
        case command::server_add: return add_server(with);
        case command::server_remove: return remove_server(with);
        case command::server_drain: return drain_server(with);
        case command::server_accept: return accept_server(with);
        case command::server_pooler: return set_pooler(with);
        case command::keys_list: return list_keys(with);
        case command::keys_rotate: return rotate_keys(with);
        default: throw std::logic_error("a command without a function");
    }
}

int run_with(const arguments& args, const config::settings& settings) {
    // What this build carries, checked before any database is touched.
    const auto control_schema = migrations::control_migrations();
    if (!control_schema) return complain(exit_mismatch, control_schema.error().message);
    const auto tenant_schema = migrations::tenant_migrations();
    if (!tenant_schema) return complain(exit_mismatch, tenant_schema.error().message);

    auto control_info = postgres::parse_database_url(settings.database_url.reveal());
    if (!control_info) return complain(exit_configuration, control_info.error().detail);
    control_info->sslmode = settings.db_ssl_mode;

    const sealed_box box(if_set(settings.data_key), if_set(settings.data_key_previous));
    const output out(args.json);

    // The database may still be starting; each attempt is one line on stderr.
    catch_stop_signals();
    postgres::database_error why;
    auto control = postgres::open_with_retries(*control_info, settings.db_connect_retries,
                                               {.application_name = "bulkhead-migrator"}, &why);
    if (!control && postgres::login_refused(why))
        return complain(args.run == command::doctor ? exit_preflight : exit_configuration,
                        fmt::format("DATABASE_URL: {}", why.message));
    if (!control)
        return complain(
            args.run == command::doctor ? exit_preflight : exit_failed,
            fmt::format("the control database cannot be reached: {}; check DATABASE_URL and the server",
                        why.message));

    const auto status = dispatch({.args = args,
                                  .settings = settings,
                                  .out = out,
                                  .box = box,
                                  .control_info = *control_info,
                                  .control = *control,
                                  .control_schema = *control_schema,
                                  .tenant_schema = *tenant_schema});
    return stop_signal() != 0 && status != exit_ok ? 128 + stop_signal() : status;
}

}  // namespace

exit_code code_of(migrations::failure_kind kind) noexcept {
    switch (kind) {
        case migrations::failure_kind::locked: return exit_locked;
        case migrations::failure_kind::mismatch: return exit_mismatch;
        default: return exit_failed;
    }
}

int run(std::span<const std::string_view> words) {
    const auto args = parse_arguments(words);
    if (!args) return complain(exit_usage, args.error());
    if (args->run == command::help) return fmt::print("{}", usage(args->group)), exit_ok;
    if (args->run == command::version) return fmt::print("bulkhead-migrator {}\n", version_text), exit_ok;
    if (args->run == command::check_config)
        return config::check_config(config::program::migrator, std::cout, std::cerr);
    const auto& new_name = args->run == command::tenant_create ? args->slug : args->new_slug;
    if (const auto fits = tenancy::check_slug(new_name); !new_name.empty() && !fits)
        return complain(exit_usage, explain(fits.error(), new_name));
    if (args->run == command::keys_generate) return generate_key(output(args->json));

    const auto loaded = config::load(config::program::migrator, config::current_environment());
    if (!loaded) {
        for (const auto& problem : loaded.error()) fmt::print(stderr, "{}\n", problem);
        return exit_configuration;
    }
    for (const auto& warning : loaded->warnings) fmt::print(stderr, "{}\n", warning);
    arm_fail_point(loaded->values.fail_point);
    return run_with(*args, loaded->values);
}

migrations::outcome<postgres::session> open_tenant(const context& with, const tenancy::tenant& one) {
    const auto login = tenancy::owner_conninfo(with.control_info, one, with.box);
    if (!login)
        return std::unexpected(
            migrations::failure{migrations::failure_kind::failed, "no DATA_KEY opens the owner's password"});
    postgres::database_error why;
    auto opened = postgres::session::open(*login, std::chrono::seconds(10),
                                          {.application_name = "bulkhead-migrator"}, &why);
    if (opened) return *std::move(opened);
    return std::unexpected(migrations::failure{migrations::failure_kind::failed, why.to_string()});
}

migrations::outcome<std::vector<tenancy::tenant>> read_tenants(const context& with) {
    auto found = tenancy::list_tenants(with.control);
    if (found) return *std::move(found);
    return std::unexpected(
        migrations::failure{migrations::failure_kind::failed, with.control.last_message()});
}

exit_code check_control(const context& with) {
    const auto found = migrations::status(with.control, with.control_schema);
    if (!found) return with.out.message("control: " + found.error().message), code_of(found.error().kind);
    if (found->pending.empty()) return exit_ok;
    with.out.message("the control database has pending migrations: run bulkhead-migrator up --control");
    return exit_pending;
}

}  // namespace bulkhead::migrator
