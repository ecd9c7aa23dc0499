// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/dump.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "observability/log.hpp"
#include "persistence/postgres/failure_words.hpp"

namespace bulkhead::lifecycle {
namespace {

using namespace std::chrono_literals;
using runtime::child_process;

/// Jobs among them, since whoever has a copy must not do again what its source does; what exports have made
/// of data, since the files stay where they are; and webhooks, since a copy must not call its source's
/// receivers.
constexpr std::array<std::string_view, 8> tables_kept_back{
    "export_files",   "exports",  "idempotency_keys",   "jobs",
    "refresh_tokens", "sessions", "webhook_deliveries", "webhooks"};

/// Each as it is written in "public"."sessions".
bool is_private(std::string_view table) {
    return std::ranges::any_of(
        tables_kept_back, [&](std::string_view name) { return table.ends_with(fmt::format(".{}", name)); });
}

std::chrono::milliseconds time_left(const runtime::patience& how_long) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(how_long.until - std::chrono::steady_clock::now());
    return std::max<std::chrono::milliseconds>(left, 1ms);
}

}  // namespace

std::span<const std::string_view> private_tables() noexcept { return tables_kept_back; }

result<std::vector<table_count>> count_rows(postgres::session& database) {
    // What belongs to an extension is not dumped.
    const auto tables =
        run(database,
            "select format('%I.%I', n.nspname, c.relname) from pg_class c "
            "join pg_namespace n on n.oid = c.relnamespace "
            "where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' "
            "and not exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass "
            "and d.objid = c.oid and d.deptype = 'e') order by format('%I.%I', n.nspname, c.relname) collate "
            "\"C\"");
    if (!tables) return std::unexpected(tables.error());
    std::vector<table_count> out;
    for (std::size_t i = 0; i < tables->size(); ++i) {
        const auto counted = run(database, fmt::format("select count(*) from only {}", tables->text(i, 0)));
        if (!counted) return std::unexpected(counted.error());
        out.push_back({std::string(tables->text(i, 0)), counted->integer(0, 0)});
    }
    return out;
}

result<void> compare_counts(const std::vector<table_count>& wanted, const std::vector<table_count>& found) {
    const auto [left, right] = std::ranges::mismatch(wanted, found);
    if (left == wanted.end() && right == found.end()) return {};
    const auto show = [](auto at, auto end) {
        return at == end ? std::string("nothing") : fmt::format("{}: {}", at->table, at->rows);
    };
    log::error("a copy differs from what was copied",
               {{"wanted", show(left, wanted.end())}, {"found", show(right, found.end())}});
    return fail(errc::internal, "the copy differs from what was copied");
}

result<snapshot> snapshot::take(const dump_source& of) {
    auto held = connect(of.login);
    if (!held) return std::unexpected(std::move(held.error()));
    const auto version = lifecycle::server_version(*held);
    if (!version) return std::unexpected(version.error());
    std::string begin =
        "set idle_in_transaction_session_timeout = 0; begin isolation level repeatable read read only";
    if (!of.role.empty()) begin = fmt::format("set role {}; {}", postgres::quote_identifier(of.role), begin);
    if (auto begun = run_script(*held, begin); !begun) return std::unexpected(std::move(begun.error()));
    const auto name = run(*held, "select pg_export_snapshot()");
    if (!name) return std::unexpected(name.error());
    return snapshot(*std::move(held), std::string(name->text(0, 0)), *version);
}

result<std::vector<table_count>> snapshot::count(dump_contents contents, const runtime::patience& how_long) {
    held_.set_time_limit(time_left(how_long));
    auto counted = count_rows(held_);
    if (counted && contents == dump_contents::transferable)
        for (auto& one : *counted)
            if (is_private(one.table)) one.rows = 0;
    return counted;
}

result<std::int64_t> snapshot::schema_version() {
    const auto found = run(held_, "select coalesce(max(version), 0) from schema_migrations");
    if (!found) return std::unexpected(found.error());
    return found->integer(0, 0);
}

result<child_process> start_dump(const dump_programs& programs, const dump_source& of, const snapshot& when,
                                 dump_contents contents, bool compressed, int output) {
    std::vector<std::string> arguments{
        "--format=custom",         "--no-owner",
        "--no-privileges",         compressed ? "--compress=3" : "--compress=0",
        "--lock-wait-timeout=60s", "--snapshot=" + when.name()};
    if (!of.role.empty()) arguments.push_back("--role=" + of.role);
    if (contents == dump_contents::transferable)
        for (const auto table : tables_kept_back)
            arguments.push_back(fmt::format("--exclude-table-data=*.{}", table));
    return child_process::start(with_login(programs, "pg_dump", std::move(arguments), of.login), -1, output);
}

result<child_process> start_restore(const dump_programs& programs, const postgres::conninfo& into,
                                    int target_version, int input) {
    // It would set parameters that an older server does not know.
    if (programs.version > major_version(target_version))
        return fail(errc::conflict, fmt::format("PostgreSQL {} cannot take what pg_dump {} makes",
                                                major_version(target_version), programs.version));
    return child_process::start(
        with_login(programs, "pg_restore",
                   {"--format=custom", "--no-owner", "--no-privileges", "--exit-on-error"}, into),
        input, -1);
}

result<int> server_version(postgres::session& of) {
    const auto found = run(of, "select current_setting('server_version_num')");
    if (!found) return std::unexpected(found.error());
    return static_cast<int>(found->integer(0, 0));
}

error explain_failure(error why, std::span<child_process* const> programs) {
    if (why.code != errc::internal) return why;
    constexpr std::array<std::string_view, 4> lost{"connection to server", "server closed the connection",
                                                   "terminating connection", "the database system is"};
    for (auto* one : programs) {
        if (one->messages().empty()) continue;
        log::error("copying a database failed",
                   {{"status", one->status()}, {"messages", postgres::without_data(one->messages())}});
        const auto says = [&](std::string_view phrase) {
            return one->messages().find(phrase) != std::string_view::npos;
        };
        if (std::ranges::any_of(lost, says)) why.code = errc::unavailable;
    }
    why.detail = why.code == errc::unavailable ? "a database server went away during the copy"
                                               : "the database could not be copied; see the log";
    return why;
}

result<std::vector<table_count>> copy_database(const dump_source& from, const postgres::conninfo& into,
                                               dump_contents contents, const runtime::patience& how_long) {
    auto target = connect(into);
    if (!target) return std::unexpected(std::move(target.error()));
    const auto target_version = server_version(*target);
    if (!target_version) return std::unexpected(target_version.error());
    auto when = snapshot::take(from);
    if (!when) return std::unexpected(std::move(when.error()));
    const auto programs = find_dump_programs(major_version(when->server_version()));
    if (!programs) return std::unexpected(programs.error());
    auto between = runtime::make_stream();
    if (!between) return std::unexpected(std::move(between.error()));
    auto restore = start_restore(*programs, into, *target_version, between->to_read.get());
    if (!restore) return std::unexpected(std::move(restore.error()));
    auto dump = start_dump(*programs, from, *when, contents, false, between->to_write.get());
    if (!dump) return std::unexpected(std::move(dump.error()));
    *between = {};

    const auto wanted = when->count(contents, how_long);  // while they work
    if (!wanted) return std::unexpected(wanted.error());
    const std::array<child_process*, 2> both{&*dump, &*restore};
    if (auto done = runtime::wait_for(both, how_long); !done)
        return std::unexpected(explain_failure(std::move(done.error()), both));
    target->set_time_limit(time_left(how_long));
    auto found = count_rows(*target);
    if (!found) return found;
    if (auto equal = compare_counts(*wanted, *found); !equal)
        return std::unexpected(std::move(equal.error()));
    return found;
}

}  // namespace bulkhead::lifecycle
