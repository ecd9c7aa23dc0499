// SPDX-License-Identifier: Apache-2.0
#include "persistence/migrations/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/text.hpp"
#include "observability/log.hpp"
#include "persistence/migrations/advisory_lock.hpp"
#include "runtime/backoff.hpp"

namespace bulkhead::migrations {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::string label(const migration& one) { return fmt::format("{:04}_{}", one.number, one.name); }

std::unexpected<failure> failed(const migration& one, std::string_view why) {
    return std::unexpected(failure{failure_kind::failed, fmt::format("{}: {}", label(one), why)});
}

/// The server's words, with the line of the file that it stopped at.
std::string explain(const postgres::session& session, std::string_view sql) {
    const auto& error = session.last_error();
    if (error.position == 0) return error.to_string();
    std::size_t line = 1, characters = 0;  // the position counts characters, not bytes
    for (const char c : sql) {
        if ((static_cast<unsigned char>(c) & 0xc0) != 0x80 && ++characters >= error.position) break;
        line += c == '\n' ? 1 : 0;
    }
    return fmt::format("line {}: {}", line, error.to_string());
}

bool lock_conflict(const postgres::session& session) {
    return session.last_sqlstate() == "55P03" || session.last_sqlstate() == "40P01";
}

/// The session's bound of a statement, for as long as this object lives.
class time_limit_scope {
public:
    time_limit_scope(postgres::session& session, milliseconds limit)
        : session_(session), before_(session.set_time_limit(limit)) {}
    time_limit_scope(const time_limit_scope&) = delete;
    time_limit_scope& operator=(const time_limit_scope&) = delete;
    ~time_limit_scope() { session_.set_time_limit(before_); }

private:
    postgres::session& session_;
    milliseconds before_;
};

milliseconds since(clock::time_point start) {
    return std::chrono::duration_cast<milliseconds>(clock::now() - start);
}

/// One attempt in one transaction, left open when it fails.
outcome<milliseconds> attempt_transaction(postgres::session& session, const migration& one,
                                          milliseconds lock_timeout) {
    const auto begin = fmt::format("begin; set local lock_timeout = {}; set local statement_timeout = 0",
                                   lock_timeout.count());
    if (!session.run_script(begin)) return failed(one, session.last_message());
    const auto start = clock::now();
    if (!session.run_script(one.up_sql)) return failed(one, explain(session, one.up_sql));
    const auto duration = since(start);
    if (!session.in_transaction()) return failed(one, "the file ended its transaction");
    if (auto recorded = record(session, one, duration); !recorded)
        return failed(one, recorded.error().message);
    // A migration may have changed settings of the session; the next one starts without them.
    if (!session.run_script("commit") || !session.run_script("reset all"))
        return failed(one, session.last_message());
    return duration;
}

bool continues_name(char c) {
    return c == '_' || c == '$' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || (static_cast<unsigned char>(c) & 0x80) != 0;
}

/// Whether `sql` names the relation `name`: as a whole word, in any case if it is not quoted.
bool mentions(std::string_view sql, std::string_view name) {
    if (sql.find(postgres::quote_identifier(name)) != sql.npos) return true;
    const auto folded = to_lower(sql);
    for (auto at = folded.find(name); at != folded.npos; at = folded.find(name, at + 1)) {
        const auto end = at + name.size();
        const bool quoted = at > 0 && folded[at - 1] == '"';
        const bool begins = at == 0 || !continues_name(folded[at - 1]);
        if (!quoted && begins && (end == folded.size() || !continues_name(folded[end]))) return true;
    }
    return false;
}

/// CREATE INDEX CONCURRENTLY that was interrupted leaves an INVALID index, and IF NOT EXISTS would keep it.
outcome<void> drop_invalid_indexes(postgres::session& session, const migration& one) {
    const auto found = session.run(
        "select format('%I.%I', n.nspname, c.relname), c.relname from pg_index i join pg_class c on c.oid = "
        "i.indexrelid "
        "join pg_namespace n on n.oid = c.relnamespace where not i.indisvalid and n.nspname !~ '^pg_'");
    if (!found) return failed(one, session.last_message());
    for (std::size_t i = 0; i < found->size(); ++i) {
        if (!mentions(one.up_sql, found->text(i, 1))) continue;
        log::warn("dropping an invalid index that an interrupted run left",
                  {{"migration", label(one)}, {"index", found->text(i, 0)}});
        if (!session.run(fmt::format("drop index concurrently {}", found->text(i, 0))))
            return failed(one, session.last_message());
    }
    return {};
}

/// One attempt without a transaction: the file's one statement, then its row. Killed between the two, the
/// statement runs again, so it has to allow that (IF NOT EXISTS).
outcome<milliseconds> attempt_alone(postgres::session& session, const migration& one,
                                    milliseconds lock_timeout) {
    if (!session.run_script(fmt::format("set lock_timeout = {}", lock_timeout.count())) ||
        !session.run_script("set statement_timeout = 0"))
        return failed(one, session.last_message());
    if (auto cleared = drop_invalid_indexes(session, one); !cleared) return std::unexpected(cleared.error());
    const auto start = clock::now();
    if (!session.run_script(one.up_sql)) return failed(one, explain(session, one.up_sql));
    const auto duration = since(start);
    if (auto recorded = record(session, one, duration); !recorded)
        return failed(one, recorded.error().message);
    if (!session.run_script("reset all")) return failed(one, session.last_message());
    return duration;
}

/// A waiting ALTER blocks every reader behind it, so each attempt waits shortly and then lets them pass.
outcome<milliseconds> apply_one(postgres::session& session, const migration& one,
                                const apply_options& options) {
    runtime::backoff pause(options.first_pause, std::chrono::seconds(30));
    for (unsigned attempt = 1;; ++attempt) {
        auto done = one.up_in_transaction ? attempt_transaction(session, one, options.lock_timeout)
                                          : attempt_alone(session, one, options.lock_timeout);
        if (done) return done;
        const bool again = lock_conflict(session) && attempt < options.attempts;
        if (session.is_open()) (void)session.run_script(one.up_in_transaction ? "rollback" : "reset all");
        if (!again) return done;
        if (options.stop && options.stop())
            return std::unexpected(failure{failure_kind::cancelled, "asked to stop"});
        log::warn("a migration waits for a lock",
                  {{"reason", done.error().message}, {"attempt", attempt}, {"attempts", options.attempts}});
        std::this_thread::sleep_for(pause.next());
    }
}

std::vector<const migration*> select_pending(const migration_set& set, std::size_t ran,
                                             std::optional<std::int64_t> to) {
    std::vector<const migration*> pending;
    for (std::size_t i = ran; i < set.migrations.size(); ++i)
        if (!to || set.migrations[i].number <= *to) pending.push_back(&set.migrations[i]);
    return pending;
}

outcome<std::size_t> count_applied(postgres::session& session, const migration_set& set) {
    const auto history = read_history(session);
    if (!history) return std::unexpected(history.error());
    return match_history(set, *history);
}

}  // namespace

outcome<database_status> status(postgres::session& session, const migration_set& set) {
    auto history = read_history(session);
    if (!history) return std::unexpected(history.error());
    const auto ran = match_history(set, *history);
    if (!ran) return std::unexpected(ran.error());
    database_status found{
        .version = static_cast<std::int64_t>(*ran), .head = set.head(), .applied = *std::move(history)};
    for (const auto* one : select_pending(set, *ran, std::nullopt)) found.pending.push_back(one->number);
    return found;
}

outcome<apply_report> apply(postgres::session& session, const migration_set& set,
                            const apply_options& options) {
    auto ran = count_applied(session, set);
    if (!ran) return std::unexpected(ran.error());
    apply_report report{.from = static_cast<std::int64_t>(*ran), .to = static_cast<std::int64_t>(*ran)};
    auto pending = select_pending(set, *ran, options.to);
    if (options.dry_run)
        for (const auto* one : pending)
            report.to = one->number, report.applied.push_back({one->number, one->name});
    if (options.dry_run || pending.empty()) return report;

    const auto lock = advisory_lock::take(session, migration_lock_key, options.lock_wait, options.stop);
    if (!lock) return std::unexpected(lock.error());
    if (auto created = create_history_table(session); !created) return std::unexpected(created.error());
    ran = count_applied(session, set);  // again: the other run may have done it all
    if (!ran) return std::unexpected(ran.error());
    const time_limit_scope patient(session, options.time_limit);
    for (const auto* one : select_pending(set, *ran, options.to)) {
        if (options.stop && options.stop())
            return std::unexpected(failure{failure_kind::cancelled, "asked to stop"});
        const auto duration = apply_one(session, *one, options);
        if (!duration) return std::unexpected(duration.error());
        report.to = one->number;
        report.applied.push_back({one->number, one->name, *duration});
        if (options.on_applied) options.on_applied(report.applied.back());
    }
    report.to = std::max(report.to, static_cast<std::int64_t>(*ran));
    return report;
}

}  // namespace bulkhead::migrations
