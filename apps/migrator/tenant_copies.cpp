// SPDX-License-Identifier: Apache-2.0
// bulkhead-migrator tenant clone, export, import, move
#include <fmt/format.h>

#include "commands.hpp"
#include "lifecycle/archive.hpp"
#include "lifecycle/clone.hpp"
#include "lifecycle/import.hpp"
#include "lifecycle/move.hpp"
#include "lifecycle/new_database.hpp"
#include "reporting.hpp"
#include "stop_signal.hpp"

namespace bulkhead::migrator {
namespace {

/// Does what was begun for `slug` and shows that tenant.
int carry_out_and_print(const context& with, lifecycle::site& at, std::string_view slug,
                        const result<lifecycle::operation>& begun) {
    if (const auto status = carry_out(with, at, slug, begun); status != exit_ok) return status;
    const auto now = lifecycle::load_tenant(at, begun->tenant);
    if (!now) return complain(with, at, now.error(), slug);
    print(with, *now);
    with.out.summary({{"operation", begun->id.to_string()}});
    return exit_ok;
}

std::int64_t rows_in(const lifecycle::archive_manifest& archive) {
    std::int64_t rows = 0;
    for (const auto& table : archive.tables) rows += table.rows.value();
    return rows;
}

}  // namespace

int clone_tenant(const context& with) {
    const auto& args = with.args;
    auto at = site_of(with, args.new_slug);
    const auto begun = lifecycle::begin_clone(at, args.slug, {.slug = args.new_slug, .name = args.name});
    const bool no_source = !begun && begun.error().code == errc::tenant_unknown;
    return carry_out_and_print(with, at, no_source ? args.slug : args.new_slug, begun);
}

int export_tenant(const context& with) {
    const auto& args = with.args;
    auto at = site_of(with, args.slug);
    const auto made = lifecycle::export_tenant(at, args.slug, args.file);
    if (!made && stop_signal() != 0)
        return with.out.message(
                   fmt::format("tenant {}: export was stopped, nothing is left of it", args.slug)),
               exit_failed;
    if (!made) return complain(with, at, made.error(), args.slug);
    const auto rows = rows_in(*made);
    with.out.data({{"type", "archive"},
                   {"file", args.file},
                   {"slug", made->tenant.slug.str()},
                   {"schema_version", made->schema_version.value()},
                   {"bytes", made->dump.bytes.value()},
                   {"sha256", made->dump.sha256.str()},
                   {"rows", rows}},
                  fmt::format("{}  {} rows, {} bytes", args.file, rows, made->dump.bytes.value()));
    with.out.summary({{"exported", args.slug}});
    return exit_ok;
}

int import_tenant(const context& with) {
    const auto& args = with.args;
    auto at = site_of(with, args.slug);
    return carry_out_and_print(
        with, at, args.slug, lifecycle::begin_import(at, args.file, {.slug = args.slug, .name = args.name}));
}

int move_tenant(const context& with) {
    const auto& args = with.args;
    auto at = site_of(with, args.slug);
    return carry_out_and_print(with, at, args.slug,
                               lifecycle::begin_move(at, args.slug, args.server, args.max_pause));
}

}  // namespace bulkhead::migrator
