// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/connection.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "base/text.hpp"
#include "observability/log.hpp"
#include "persistence/postgres/failure_words.hpp"
#include "persistence/postgres/sqlstate.hpp"
#include "runtime/or_die.hpp"

namespace bulkhead::postgres {
namespace {

constexpr std::size_t prepared_limit = 256;
constexpr int binary_results = 1;
/// How long a server may stay silent after somebody gave up waiting for it, before the session is dropped.
constexpr std::chrono::seconds patience{2};

// SQLSTATEs that tell of a prepared statement, not of the session.
constexpr std::string_view unknown_statement = "26000", plan_has_changed = "0A000";

}  // namespace

awaitable<connection::opened> connection::open(conninfo target, session_defaults defaults,
                                               statement_names names, runtime::deadline limit,
                                               connection_owner& owner) {
    auto session = co_await connect(std::move(target), std::move(defaults), limit);
    if (!session) co_return std::unexpected(std::move(session.error()));
    const auto ex = co_await net::this_coro::executor;
    auto made = std::make_shared<connection>(passkey{}, ex, *session, names, owner);
    net::co_spawn(ex, read_loop(made), or_die);
    co_return made;
}

connection::connection(passkey, executor ex, connected_session made, statement_names names,
                       connection_owner& owner)
    : socket_(ex, made.watched),
      session_(made.session),
      owner_(&owner),
      names_(names),
      prepared_(prepared_limit) {}

connection::~connection() { finish_session(); }

void connection::submit(operation& op) {
    ++in_flight_;
    if (op.kind() == intent::write) ++writes_;
    op.carried_by(this);
    if (!send(op)) return drop_soon("cannot send");
    flush();
    // Sending into a full socket makes libpq read, so answers may be here that no event of the socket will
    // announce.
    if (session_ && PQisBusy(session_) == 0) read_soon();
}

/// Preparations are units of their own: in the operation's unit a failure of its earlier statements would
/// skip them, and everybody behind who counts on them would fail too.
bool connection::send(operation& op) {
    serials_.clear();
    bool sent = true;
    for (const auto& each : op.statements()) sent = sent && prepare(op, each, serials_.emplace_back());
    sent = sent && send_operation(op);
    // Noted in any case: the last answer is where the operation ends, also when the session does.
    sent = send_sync({kind::end, &op, 0, 0, op.kind() == intent::write}) && sent;
    while (const auto unused = prepared_.evict()) sent = sent && deallocate(*unused);
    return sent;
}

bool connection::prepare(operation& op, const query& each, std::uint64_t& serial) {
    const auto hash = each.what.hash;
    if (names_ == statement_names::none) return true;
    const auto used = prepared_.touch(hash);
    serial = used.serial;
    if (used.known) return true;
    each.with.fill(arrays_);
    const std::string sql(each.what.sql);
    const auto name = statement_cache::name_of(hash);
    if (PQsendPrepare(session_, name.c_str(), sql.c_str(), each.with.count(), arrays_.types.data()) != 1)
        return false;
    expected_.push_back({kind::prepare, &op, hash, serial});
    return send_sync({kind::sync});
}

bool connection::send_operation(operation& op) {
    auto serial = serials_.begin();
    for (const auto& each : op.statements()) {
        each.with.fill(arrays_);
        if (!(names_ == statement_names::kept ? send_prepared(each) : send_whole(each))) return false;
        expected_.push_back({kind::execute, &op, each.what.hash, *serial++});
    }
    return true;
}

bool connection::send_prepared(const query& each) {
    const auto name = statement_cache::name_of(each.what.hash);
    return PQsendQueryPrepared(session_, name.c_str(), each.with.count(), arrays_.values.data(),
                               arrays_.lengths.data(), arrays_.formats.data(), binary_results) == 1;
}

bool connection::send_whole(const query& each) {
    const std::string sql(each.what.sql);
    return PQsendQueryParams(session_, sql.c_str(), each.with.count(), arrays_.types.data(),
                             arrays_.values.data(), arrays_.lengths.data(), arrays_.formats.data(),
                             binary_results) == 1;
}

bool connection::deallocate(std::uint64_t hash) {
    const auto sql = fmt::format("DEALLOCATE {}", statement_cache::name_of(hash));
    if (PQsendQueryParams(session_, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) != 1) return false;
    expected_.push_back({kind::deallocate, nullptr, hash});
    return send_sync({kind::sync});
}

bool connection::send_sync(expected answer) {
    expected_.push_back(answer);
    return PQpipelineSync(session_) == 1;
}

void connection::flush() {
    if (waiting_to_write_ || !session_) return;
    const int left = PQflush(session_);
    if (left == 0) return;
    if (left < 0) return drop_soon("cannot write");
    waiting_to_write_ = true;
    socket_.async_wait(descriptor::wait_write, [self = shared_from_this()](error_code ec) {
        self->waiting_to_write_ = false;
        if (!ec && self->session_) self->read_available();
    });
}

void connection::read_soon() {
    net::post(socket_.get_executor(), [self = shared_from_this()] {
        if (self->session_) self->read_available();
    });
}

awaitable<void> connection::read_loop(std::shared_ptr<connection> self) {
    while (self->session_) {
        const auto [ec] = co_await self->socket_.async_wait(descriptor::wait_read, use_tuple);
        if (!self->session_) break;
        if (ec)
            self->drop("cannot read");
        else
            self->read_available();
    }
}

void connection::read_available() {
    const auto before = in_flight_;
    const bool readable = PQconsumeInput(session_) == 1;
    while (!expected_.empty() && PQisBusy(session_) == 0)
        if (!take_answer(PQgetResult(session_))) break;
    if (!readable || PQstatus(session_) == CONNECTION_BAD) return drop(trim(PQerrorMessage(session_)));
    if (doubtful_) return drop("the server's answer ended the session");
    flush();
    if (in_flight_ != before) wake_completed();
}

/// False: nothing more can be read for now.
bool connection::take_answer(pg_result* answer) {
    auto& front = expected_.front();
    if (!answer) {
        // The end of one command's answer. Without one before it, the server has gone.
        if (!front.answered) return false;
        expected_.pop_front();
        return true;
    }
    result_set rows(answer);
    const auto status = PQresultStatus(answer);
    if (status == PGRES_PIPELINE_SYNC) {
        if (front.what == kind::end)
            take_end(front);
        else if (front.what != kind::sync)
            return !(doubtful_ = true);
        expected_.pop_front();
        return true;
    }
    front.answered = true;
    if (front.what == kind::end || front.what == kind::sync) {
        // Only a sync answers a sync. The entry stays, for it is by its end that an operation is found.
        take_failure(front, answer);
        return !(doubtful_ = true);
    }
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        if (front.op && front.what == kind::execute) front.op->add(std::move(rows));
    } else {
        take_failure(front, answer);
    }
    return true;
}

void connection::take_end(const expected& front) {
    --in_flight_;
    if (front.write) --writes_;
    if (in_flight_ == 0) idle_since_ = steady_clock::now();
    if (front.op)
        completed_.push_back(front.op);
    else
        --abandoned_;
    if (abandoned_ > 0)
        expires_at(steady_clock::now() + patience);  // it is slow, not silent
    else
        expires_at(never);
}

void connection::take_failure(const expected& front, const pg_result* answer) {
    if (PQresultStatus(answer) == PGRES_PIPELINE_ABORTED) return;  // the consequence of a failure before it
    const char* field = PQresultErrorField(answer, PG_DIAG_SQLSTATE);
    const std::string_view sqlstate = field ? field : "";
    if (front.what == kind::prepare)
        prepared_.forget(front.hash, front.serial);
    else if (sqlstate == unknown_statement || sqlstate == plan_has_changed)
        return take_stale(front, sqlstate);
    const auto& row = classify(sqlstate);
    if (row.drop_connection) doubtful_ = true;
    if (row.code == errc::internal) {
        const auto said = words_of(answer);
        log::error("a statement failed",
                   {{"sqlstate", sqlstate}, {"message", said.message}, {"detail", said.detail}});
    }
    if (!front.op) return;
    switch (row.retry) {
        case retry_policy::retry_if_idempotent: return front.op->lose();
        case retry_policy::retry_transaction: return front.op->undo(to_error(sqlstate));
        case retry_policy::none: return front.op->fail(to_error(sqlstate));
    }
}

/// The server does not have the statement, because somebody's preparation failed, or cannot use it any more,
/// because a migration changed its columns. Nothing ran; the next use prepares it anew.
void connection::take_stale(const expected& front, std::string_view sqlstate) {
    const bool current = prepared_.forget(front.hash, front.serial);
    if (current && sqlstate == plan_has_changed && !deallocate(front.hash)) doubtful_ = true;
    if (!front.op || front.op->failed()) return;
    log::debug("a statement is prepared anew", {{"sqlstate", sqlstate}});
    front.op->undo(to_error(sqlstate));
}

void connection::forget(operation& abandoned) {
    for (auto& each : expected_)
        if (each.op == &abandoned) each.op = nullptr;
    if (++abandoned_ == 1) expires_at(steady_clock::now() + patience);
}

void connection::on_deadline() {
    if (!session_) return;
    const auto self = shared_from_this();
    const auto before = in_flight_;
    read_available();  // a reactor that was held up finds the answers and the deadline at the same time
    if (session_ && abandoned_ > 0 && in_flight_ == before) drop("the server has stopped answering");
}

void connection::close() {
    owner_ = nullptr;
    finish_session();
    lose_all();
}

/// Ends the session because of a fault. The owner and the operations hear of it.
void connection::drop(std::string_view why) {
    if (!session_) return;
    if (in_flight_ > 0)
        log::warn("a database connection was dropped", {{"reason", why}, {"in_flight", in_flight_}});
    finish_session();
    report_loss();
}

/// The session ends at once, since libpq may have closed the socket whose number another may get; who waits
/// hears of it with the next turn of the loop, never inside its own call of submit().
void connection::drop_soon(std::string_view why) {
    if (!session_) return;
    log::warn("a database connection was dropped", {{"reason", why}, {"in_flight", in_flight_}});
    finish_session();
    net::post(socket_.get_executor(), [self = shared_from_this()] { self->report_loss(); });
}

void connection::finish_session() {
    if (!session_) return;
    error_code ignored;  // it is a copy, so nothing can be lost by closing it
    socket_.close(ignored);
    PQfinish(std::exchange(session_, nullptr));
}

void connection::report_loss() {
    const auto self = shared_from_this();
    if (auto* owner = std::exchange(owner_, nullptr)) owner->on_change(*this);
    lose_all();
}

void connection::lose_all() {
    auto owed = std::move(expected_);
    expected_.clear();
    in_flight_ = writes_ = abandoned_ = 0;
    expires_at(never);
    for (auto& each : owed)
        if (each.what == kind::end && each.op) {
            each.op->lose();
            completed_.push_back(each.op);
        }
    wake_completed();
}

void connection::wake_completed() {
    const auto self = shared_from_this();  // a woken waiter may be the last to need us
    auto done = std::move(completed_);
    completed_.clear();
    if (session_ && owner_) owner_->on_change(*this);
    for (auto* op : done) op->complete();
}

}  // namespace bulkhead::postgres
