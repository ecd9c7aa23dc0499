// SPDX-License-Identifier: Apache-2.0
#include "reporting.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <fstream>

#include "base/text.hpp"
#include "lifecycle/saga.hpp"
#include "lifecycle/work.hpp"
#include "stop_signal.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::migrator {
namespace {

using lifecycle::operation;
using lifecycle::operation_state;

std::string user_name() {
    const auto* const entry = ::getpwuid(::geteuid());  // NOLINT(concurrency-mt-unsafe): one thread
    return entry != nullptr ? entry->pw_name : std::to_string(::geteuid());
}

/// "clone by cli:root since 2026-01-01T00:00:00.000Z, last step done: roles"
std::string title(const operation& work) {
    return fmt::format("{} by {} since {}{}{}", kind_name(work.kind), work.actor, work.created_at,
                       work.step.empty() ? "" : ", last step done: ", work.step);
}

/// The unfinished work on a tenant, when that is what stands in the way.
std::optional<operation> unfinished(const lifecycle::site& at, std::string_view slug) {
    const auto tenant = tenancy::find_tenant(at.control(), slug);
    if (!tenant || !*tenant) return std::nullopt;
    auto found = lifecycle::current_operation(at, (*tenant)->id);
    return found ? *std::move(found) : std::nullopt;
}

/// Ended, or left as it is: by a signal, by a failure that may pass, or to another process.
exit_code report_end(const context& with, const operation& work) {
    if (work.state == operation_state::succeeded) return exit_ok;
    if (work.state == operation_state::failed) {
        with.out.message(
            fmt::format("tenant {}: {} failed: {}", work.slug, kind_name(work.kind), work.error));
        return exit_failed;
    }
    with.out.message(fmt::format("tenant {}: {} did not come to its end: {}; {}", work.slug,
                                 kind_name(work.kind), work.error, how_to_go_on(work.slug)));
    return exit_failed;
}

}  // namespace

lifecycle::site site_of(const context& with, std::string label) {
    lifecycle::site at(
        with.control, with.control_info, with.box, with.tenant_schema,
        {.actor = "cli:" + user_name(),
         .keep_deleted = std::chrono::duration_cast<std::chrono::seconds>(with.settings.tenant_purge_after),
         .backup_folder = with.settings.backup_folder,
         .storage_folder = with.settings.storage_folder,
         .demand_tls = with.settings.env == config::environment::production});
    at.on_step = [&with, label = std::move(label)](std::string_view step) {
        with.out.message(fmt::format("{}{}{}", label, label.empty() ? "" : ": ", step));
    };
    at.stop = [] { return stop_signal() != 0; };
    return at;
}

json::object describe(const tenancy::tenant& one) {
    return {{"type", "tenant"},
            {"id", one.id.to_string()},
            {"slug", one.slug},
            {"name", one.name},
            {"status", status_name(one.status)},
            {"server", one.server.name},
            {"database", one.database},
            {"schema_version", one.schema_version},
            {"created_at", one.created_at}};
}

void print(const context& with, const tenancy::tenant& one, const json::object& more) {
    auto object = describe(one);
    for (const auto& [name, value] : more) object[name] = value;
    with.out.data(object, fmt::format("{:<39} {:<12} {:>7}  {}  {}", one.slug, status_name(one.status),
                                      one.schema_version, one.database, one.name));
}

std::string how_to_go_on(std::string_view slug) {
    return fmt::format("go on with: bulkhead-migrator tenant repair {}", slug);
}

json::object describe(const operation& work) {
    const auto or_null = [](const std::string& text) {
        return text.empty() ? json::value(nullptr) : json::value(text);
    };
    return {{"type", "operation"},
            {"id", work.id.to_string()},
            {"kind", kind_name(work.kind)},
            {"slug", work.slug},
            {"state", state_name(work.state)},
            {"step", or_null(work.step)},
            {"attempt", work.attempt},
            {"error", or_null(work.error)},
            {"actor", work.actor},
            {"created_at", work.created_at},
            {"updated_at", or_null(work.updated_at)},
            {"finished_at", or_null(work.finished_at)}};
}

std::string explain(std::string_view what, std::string_view name, const error& why) {
    std::string text =
        fmt::format("{} {}: {}", what, name,
                    why.detail.empty() ? bulkhead::describe(why.code).title : std::string_view(why.detail));
    for (const auto& field : why.fields)
        text += fmt::format("; {}: {}", field.pointer.substr(1), field.detail);
    return text;
}

std::string explain(const error& why, std::string_view slug) { return explain("tenant", slug, why); }

exit_code complain(const context& with, lifecycle::site& at, const error& why, std::string_view slug) {
    with.out.message(explain(why, slug));
    if (why.code == errc::validation_failed) return exit_usage;
    if (why.code != errc::conflict) return exit_failed;
    const auto work = unfinished(at, slug);
    if (!work) return exit_failed;
    const auto busy = lifecycle::is_worked_on(at, *work);
    if (busy && *busy) {
        with.out.message(fmt::format("a process is at it: {}", title(*work)));
        return exit_locked;
    }
    with.out.message(fmt::format("left behind: {}; {}", title(*work), how_to_go_on(slug)));
    return exit_failed;
}

exit_code carry_out(const context& with, lifecycle::site& at, std::string_view slug,
                    const result<operation>& begun) {
    if (!begun) return complain(with, at, begun.error(), slug);
    const auto done = lifecycle::continue_work(at, *begun);
    if (done) return report_end(with, *done);
    if (stop_signal() == 0) return complain(with, at, done.error(), slug);
    with.out.message(fmt::format("tenant {}: {} was stopped, its record stays; {}", slug,
                                 kind_name(begun->kind), how_to_go_on(slug)));
    return exit_failed;
}

std::expected<secret, std::string> read_secret_file(const std::string& path) {
    constexpr std::size_t most = 4096;
    std::ifstream file(path, std::ios::binary);
    std::string text(most + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!file.is_open() || file.bad()) return std::unexpected(fmt::format("{} cannot be read", path));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > most) return std::unexpected(fmt::format("{} is too long for a secret", path));
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    if (!is_utf8(text) || text.find('\0') != text.npos)
        return std::unexpected(fmt::format("{} is not UTF-8 text", path));
    return secret(std::move(text));
}

}  // namespace bulkhead::migrator
