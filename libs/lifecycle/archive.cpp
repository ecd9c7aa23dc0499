// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/archive.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <set>

#include "base/random.hpp"
#include "base/time.hpp"
#include "base/version.hpp"
#include "lifecycle/archive_file.hpp"
#include "lifecycle/dump.hpp"
#include "observability/log.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::lifecycle {
namespace {

namespace fs = std::filesystem;
using tenancy::tenant_status;

/// Until the program closes its end. Whether it did so because it was done, its status tells.
result<void> receive(int from, runtime::child_process& program, archive_writer& into,
                     const runtime::patience& how_long) {
    std::string piece(256 * 1024, '\0');
    for (;;) {
        (void)program.ended();  // reads its messages
        if (auto left = how_long.left(); !left) return left;
        if (!runtime::wait_ready(from, POLLIN)) continue;
        const auto count = ::read(from, piece.data(), piece.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(errc::internal);
        if (count == 0) return {};
        if (auto added = into.add(std::string_view(piece).substr(0, static_cast<std::size_t>(count))); !added)
            return added;
    }
}

result<archived_dump> write_dump(const dump_source& from, snapshot& when, archive_writer& into,
                                 const runtime::patience& how_long) {
    const auto programs = find_dump_programs(major_version(when.server_version()));
    if (!programs) return std::unexpected(programs.error());
    auto between = runtime::make_stream();
    if (!between) return std::unexpected(std::move(between.error()));
    auto dump = start_dump(*programs, from, when, dump_contents::transferable, true, between->to_write.get());
    if (!dump) return std::unexpected(std::move(dump.error()));
    between->to_write.close();
    const std::array<runtime::child_process*, 1> all{&*dump};
    if (auto received = receive(between->to_read.get(), *dump, into, how_long); !received)
        return std::unexpected(std::move(received.error()));
    if (auto done = runtime::wait_for(all, how_long); !done)
        return std::unexpected(explain_failure(std::move(done.error()), all));
    return into.end_dump(programs->version);
}

result<archive_manifest> write_archive(site& at, const tenancy::tenant& of, const std::string& path) {
    auto login = tenancy::owner_conninfo(at.control_info(), of, at.box());
    if (!login) return std::unexpected(std::move(login.error()));
    const dump_source from{.login = *std::move(login)};
    auto file = archive_writer::create(path);
    if (!file) return std::unexpected(std::move(file.error()));
    const runtime::patience how_long{std::chrono::steady_clock::now() + at.settings().longest_copy, at.stop};
    auto when = snapshot::take(from);
    if (!when) return std::unexpected(std::move(when.error()));
    const auto counts = when->count(dump_contents::transferable, how_long);
    if (!counts) return std::unexpected(counts.error());
    const auto version = when->schema_version();
    if (!version) return std::unexpected(version.error());
    const auto now = utc_now();
    auto dump = write_dump(from, *when, *file, how_long);
    if (!dump) return std::unexpected(std::move(dump.error()));
    archive_manifest about{.format = schema::text<1, 40>(std::string(archive_format)),
                           .format_version = archive_number(archive_format_version),
                           .tenant = {schema::text<1, 39>(of.slug), schema::text<1, 200>(of.name), of.limits},
                           .schema_version = archive_number(*version),
                           .program_version = schema::text<1, 100>(std::string(version_text)),
                           .server_version = archive_number(when->server_version()),
                           .created_at = now,
                           .dump = *std::move(dump),
                           .tables = tables_of(*counts)};
    if (auto done = file->finish(about); !done) return std::unexpected(std::move(done.error()));
    return about;
}

/// "2026-01-31T09:30:00.000Z" as 20260131T093000Z.
std::string compact(utc_time time) {
    auto text = to_rfc3339(time).substr(0, 19);
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    return text + "Z";
}

/// What killed runs left of earlier attempts at the same tenant's.
void remove_unfinished(const std::string& folder, const std::string& prefix) {
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(folder, failed)) {
        const auto name = entry.path().filename().string();
        if (name.starts_with(prefix) && name.ends_with(".partial")) fs::remove(entry.path(), failed);
    }
}

/// By the id in their names: the slug may have changed since.
std::set<std::string> backups_in(const std::string& folder, const uuid& tenant) {
    std::set<std::string> found;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(folder, failed))
        if (entry.path().filename().string().find("-" + tenant.to_compact() + "-") != std::string::npos)
            found.insert(entry.path().string());
    return found;
}

}  // namespace

result<archive_manifest> export_tenant(site& at, std::string_view slug, const std::string& path) {
    const auto found = tenancy::find_tenant(at.control(), slug);
    if (!found) return std::unexpected(found.error());
    if (!*found) return fail(errc::tenant_unknown);
    const auto status = (*found)->status;
    if (status != tenant_status::active && status != tenant_status::suspended)
        return fail(errc::conflict, fmt::format("the tenant is {}", status_name(status)));
    auto written = write_archive(at, **found, path);
    if (!written) return written;
    if (auto noted = audit(at, "tenant.export", (*found)->id, slug,
                           {{"sha256", written->dump.sha256.str()}, {"bytes", written->dump.bytes.value()}});
        !noted)
        return std::unexpected(std::move(noted.error()));
    return written;
}

result<std::string> final_backup(site& at, const tenancy::tenant& of) {
    const auto& folder = at.settings().backup_folder;
    if (folder.empty()) return std::string();
    std::error_code failed;
    fs::create_directories(folder, failed);
    const auto name = fmt::format("{}-{}-", of.slug, of.id.to_compact());
    remove_unfinished(folder, name);
    auto path =
        (fs::path(folder) / fmt::format("{}{}-{}.tar", name, compact(utc_now()), random_token(16))).string();
    const auto written = write_archive(at, of, path);
    if (!written) return std::unexpected(written.error());
    return path;
}

result<forgotten_backups> forget_final_backups(site& at, const uuid& tenant) {
    forgotten_backups out;
    const auto recorded = run(at.control(),
                              "select progress->>'backup' from operations "
                              "where tenant_id = $1 and progress ? 'backup' order by id",
                              {tenant});
    if (!recorded) return std::unexpected(recorded.error());
    auto files = backups_in(at.settings().backup_folder, tenant);
    for (std::size_t row = 0; row < recorded->size(); ++row) {
        const std::string path(recorded->text(row, 0));
        std::error_code failed;
        if (fs::exists(path, failed))
            files.insert(path);
        else if (!files.contains(path))
            out.out_of_reach.push_back(path);
    }
    for (const auto& path : files) {
        std::error_code failed;
        fs::remove(path, failed);
        if (failed) {
            log::error("an archive cannot be removed", {{"path", path}, {"reason", failed.message()}});
            return fail(errc::unavailable, "the last archive of the tenant cannot be removed");
        }
        out.removed.push_back(path);
    }
    return out;
}

}  // namespace bulkhead::lifecycle
