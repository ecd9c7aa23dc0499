// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/session.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "observability/log.hpp"
#include "persistence/postgres/failure_words.hpp"
#include "persistence/postgres/sqlstate.hpp"
#include "runtime/backoff.hpp"

namespace bulkhead::postgres {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// A server goes on for so long with what nobody waits for any more.
constexpr milliseconds notices_us_gone{1000};

struct finish_connection {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
};
using pq_connection = std::unique_ptr<PGconn, finish_connection>;

std::string field(const PGresult* result, int code) {
    const char* text = PQresultErrorField(result, code);
    return text ? text : "";
}

database_error describe_result(const PGresult* result) {
    auto said = words_of(result);
    database_error failure{.sqlstate = field(result, PG_DIAG_SQLSTATE),
                           .message = std::move(said.message),
                           .detail = std::move(said.detail),
                           .hint = std::move(said.hint)};
    const auto position = field(result, PG_DIAG_STATEMENT_POSITION);
    std::from_chars(position.data(), position.data() + position.size(), failure.position);
    return failure;
}

database_error describe_connection(const PGconn* connection) {
    if (!connection) return {.message = "the connection is closed"};
    std::string message(trim(PQerrorMessage(connection)));
    if (message.empty()) message = "the connection was lost";
    for (auto& c : message)  // libpq writes a line per address; a log line is one line
        if (c == '\n') c = ' ';
    return {.message = std::move(message)};
}

/// "FATAL:  28P01: ..." as libpq words a refusal when it is verbose: takes the SQLSTATE out of the line.
std::string take_sqlstate(std::string& line) {
    constexpr std::string_view before = ":  ";
    constexpr std::size_t length = 5;
    const auto at = line.find(before);
    if (at == line.npos) return {};
    const auto code = line.substr(at + before.size(), length);
    const auto is_code = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); };
    if (code.size() < length || !std::ranges::all_of(code, is_code)) return {};
    if (line.compare(at + before.size() + length, 2, ": ") != 0) return {};
    line.erase(at + before.size(), length + 2);
    return code;
}

/// Why there is no connection. libpq keeps the SQLSTATE of a refused login in its text only, and writes lines
/// for every address it tried, with and without TLS: one line remains, in which nothing stands twice.
database_error describe_refusal(const PGconn* connection) {
    if (!connection) return {.message = "out of memory"};
    database_error out;
    std::vector<std::string> seen;
    for (const auto text : split(trim(PQerrorMessage(connection)), '\n')) {
        std::string line(trim(text));
        if (line.starts_with("LOCATION:")) continue;  // a place in the server's source
        if (auto code = take_sqlstate(line); !code.empty()) out.sqlstate = std::move(code);
        if (line.empty() || std::ranges::find(seen, line) != seen.end()) continue;
        out.message += out.message.empty() ? line : ' ' + line;
        seen.push_back(std::move(line));
    }
    if (out.message.empty()) out.message = "the connection was lost";
    return out;
}

void log_notice(void*, const PGresult* notice) {
    const auto text = describe_result(notice);
    if (field(notice, PG_DIAG_SEVERITY_NONLOCALIZED) == "WARNING")
        log::warn("postgres says", {{"notice", text.to_string()}});
    else
        log::debug("postgres says", {{"notice", text.message}});
}

std::string quoted(std::string_view text, char mark) {
    if (text.find('\0') != text.npos || !is_utf8(text))
        throw std::invalid_argument("names and literals must be UTF-8 without NUL");
    std::string out(1, mark);
    for (const char c : text) out.append(c == mark ? 2 : 1, c);
    out += mark;
    return out;
}

/// True when the socket is ready or the caller should look again; false at the deadline.
bool wait_for_socket(int socket, short events, clock::time_point deadline) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - clock::now()).count();
    if (left <= 0) return false;
    pollfd descriptor{.fd = socket, .events = events, .revents = 0};
    const auto ready = ::poll(&descriptor, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    return ready != 0 || clock::now() < deadline;
}

/// nullopt when connected.
std::optional<database_error> connect(PGconn* connection, clock::time_point deadline) {
    if (!connection || PQstatus(connection) == CONNECTION_BAD) return describe_refusal(connection);
    PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
    auto wants = PGRES_POLLING_WRITING;
    while (wants != PGRES_POLLING_OK) {
        const short events = wants == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!wait_for_socket(PQsocket(connection), events, deadline))
            return database_error{.message = "timed out"};
        wants = PQconnectPoll(connection);
        if (wants == PGRES_POLLING_FAILED) return describe_refusal(connection);
    }
    PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
    return std::nullopt;
}

}  // namespace

std::size_t rows::size() const noexcept { return static_cast<std::size_t>(PQntuples(result_.get())); }

bool rows::is_null(std::size_t row, std::size_t column) const noexcept {
    return PQgetisnull(result_.get(), static_cast<int>(row), static_cast<int>(column)) != 0;
}

std::string_view rows::text(std::size_t row, std::size_t column) const noexcept {
    const auto r = static_cast<int>(row), c = static_cast<int>(column);
    const char* value = PQgetvalue(result_.get(), r, c);
    return value ? std::string_view(value, static_cast<std::size_t>(PQgetlength(result_.get(), r, c))) : "";
}

std::int64_t rows::integer(std::size_t row, std::size_t column) const noexcept {
    const auto digits = text(row, column);
    std::int64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

std::size_t rows::affected() const noexcept {
    const std::string_view digits = PQcmdTuples(result_.get());
    std::size_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

std::string database_error::to_string() const {
    auto text = sqlstate.empty() ? message : fmt::format("{} (SQLSTATE {})", message, sqlstate);
    if (!detail.empty()) text += ". " + detail;
    if (!hint.empty()) text += ". " + hint;
    return text;
}

struct session::state {
    pq_connection connection;
    database_error failure;
    milliseconds limit = std::chrono::seconds(60);
    clock::time_point deadline;
};

session::session(std::unique_ptr<state> made) : state_(std::move(made)) {}
session::session(session&&) noexcept = default;
session& session::operator=(session&&) noexcept = default;
session::~session() = default;

result<session> session::open(const conninfo& target, milliseconds timeout, const session_defaults& defaults,
                              database_error* why) {
    auto with = defaults;
    if (with.client_check_interval == milliseconds(0)) with.client_check_interval = notices_us_gone;
    const connection_parameters parameters(target, with);
    auto fresh = std::make_unique<state>();
    fresh->connection.reset(PQconnectStartParams(parameters.keywords(), parameters.values(), 0));
    auto* connection = fresh->connection.get();
    if (auto failure = connect(connection, clock::now() + timeout)) {
        if (why) *why = std::move(*failure);
        return std::unexpected(to_error({}));  // whatever it is, clients hear that the database is away
    }
    PQsetNoticeReceiver(connection, log_notice, nullptr);
    PQsetnonblocking(connection, 1);
    return session(std::move(fresh));
}

milliseconds session::set_time_limit(milliseconds limit) noexcept {
    return std::exchange(state_->limit, limit);
}
const database_error& session::last_error() const noexcept { return state_->failure; }
bool session::is_open() const noexcept { return PQstatus(state_->connection.get()) == CONNECTION_OK; }

bool session::in_transaction() const noexcept {
    return PQtransactionStatus(state_->connection.get()) == PQTRANS_INTRANS;
}

result<rows> session::run(std::string_view sql, std::initializer_list<parameter> parameters) {
    std::vector<const char*> values;
    for (const auto& value : parameters) values.push_back(value.text());
    auto* connection = state_->connection.get();
    if (!PQsendQueryParams(connection, std::string(sql).c_str(), static_cast<int>(values.size()), nullptr,
                           values.data(), nullptr, nullptr, 0)) {
        state_->failure = describe_connection(connection);
        return std::unexpected(to_error({}));
    }
    return collect();
}

result<void> session::run_script(std::string_view sql) {
    auto* connection = state_->connection.get();
    if (!PQsendQuery(connection, std::string(sql).c_str())) {
        state_->failure = describe_connection(connection);
        return std::unexpected(to_error({}));
    }
    auto last = collect();
    if (!last) return std::unexpected(std::move(last.error()));
    return {};
}

/// False at the deadline. A broken connection counts as a result: PQgetResult tells about it.
bool session::await_result() {
    auto* connection = state_->connection.get();
    for (;;) {
        const bool unsent = PQflush(connection) == 1;
        if (!unsent && !PQisBusy(connection)) return true;
        const auto events = static_cast<short>(unsent ? POLLIN | POLLOUT : POLLIN);
        if (!wait_for_socket(PQsocket(connection), events, state_->deadline)) return false;
        if (!PQconsumeInput(connection)) return true;
    }
}

/// Reads every result of what was sent; the first failure wins, else the last result.
result<rows> session::collect() {
    auto* connection = state_->connection.get();
    state_->failure = {};
    state_->deadline = clock::now() + state_->limit;
    std::shared_ptr<PGresult> last;
    bool failed = false;
    for (;;) {
        if (!await_result()) return give_up();
        std::shared_ptr<PGresult> next(PQgetResult(connection), PQclear);
        if (!next) break;
        const auto status = PQresultStatus(next.get());
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
            state_->failure = {.sqlstate = "0A000",
                               .message = "COPY from or to the client is not possible here"};
            state_->connection.reset();
            return fail(errc::internal);
        }
        const bool good =
            status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY;
        if (!good && !failed) state_->failure = describe_result(next.get());
        failed = failed || !good;
        last = std::move(next);
    }
    if (failed) return std::unexpected(to_error(state_->failure.sqlstate));
    return rows(std::move(last));
}

/// The connection is not used again, for its answer may still be under way. The server sees that we are gone
/// and stops: to ask it would be to wait once more, without a limit (PQcancel).
result<rows> session::give_up() {
    state_->connection.reset();
    state_->failure = {.sqlstate = "57014",
                       .message = fmt::format("no answer within {} ms", state_->limit.count())};
    return fail(errc::deadline_exceeded);
}

std::string quote_identifier(std::string_view name) {
    if (name.empty()) throw std::invalid_argument("an identifier cannot be empty");
    return quoted(name, '"');
}

std::string quote_literal(std::string_view text) {
    auto literal = quoted(text, '\'');
    // Without the E prefix a backslash would depend on standard_conforming_strings.
    if (text.find('\\') == text.npos) return literal;
    std::string escaped = " E";
    for (const char c : literal) escaped += c == '\\' ? std::string("\\\\") : std::string(1, c);
    return escaped;
}

std::string rfc3339(std::string_view expression) {
    return fmt::format(R"(to_char({} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))", expression);
}

bool login_refused(const database_error& failure) noexcept {
    return failure.sqlstate.starts_with("28") || failure.sqlstate == "3D000";
}

result<session> open_with_retries(const conninfo& target, unsigned attempts, const session_defaults& defaults,
                                  database_error* why) {
    runtime::backoff pause(milliseconds(500), std::chrono::seconds(5));
    for (unsigned attempt = 1;; ++attempt) {
        database_error reason;
        auto opened = session::open(target, std::chrono::seconds(10), defaults, &reason);
        if (opened) return opened;
        const bool last = attempt >= attempts || login_refused(reason);
        if (why && last) *why = reason;
        // Who asks for the reason says it himself when nothing was tried again.
        if (!why || !last || attempt > 1)
            log::warn("the database does not answer", {{"database", target.describe()},
                                                       {"attempt", attempt},
                                                       {"attempts", attempts},
                                                       {"reason", reason.message}});
        if (last) return opened;
        std::this_thread::sleep_for(pause.next());
    }
}

}  // namespace bulkhead::postgres
