// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/connection.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "base/text.hpp"
#include "observability/log.hpp"
#include "persistence/postgres/connect.hpp"
#include "persistence/postgres/sqlstate.hpp"

namespace bulkhead::postgres {
namespace {

constexpr std::size_t prepared_limit = 256;
/// How long a server may stay silent after somebody gave up waiting for it, before the session is dropped.
constexpr std::chrono::seconds patience{2};

}  // namespace

awaitable<result<std::shared_ptr<connection>>> connection::open(conninfo target, session_defaults defaults,
                                                                runtime::deadline limit, connection_owner& owner,
                                                                runtime::deadline_list& deadlines) {
    auto session = co_await connect(std::move(target), std::move(defaults), limit);
    if (!session) co_return std::unexpected(std::move(session.error()));
    const auto ex = co_await net::this_coro::executor;
    auto made = std::make_shared<connection>(passkey{}, ex, *session, owner);
    deadlines.add(*made);
    net::co_spawn(ex, read_loop(made), net::detached);
    co_return made;
}

connection::connection(passkey, executor ex, pg_conn* session, connection_owner& owner)
    : socket_(ex, PQsocket(session)), session_(session), owner_(&owner), prepared_(prepared_limit) {}

connection::~connection() { finish_session(); }

void connection::submit(operation& op) {
    ++in_flight_;
    if (op.kind() == intent::write) ++writes_;
    op.carried_by(this);
    if (send(op))
        flush();
    else
        drop_soon("cannot send");
}

/// The caller of submit() must not be woken from inside its own call: the end comes with the next turn of the loop.
void connection::drop_soon(std::string_view why) {
    net::post(socket_.get_executor(), [self = shared_from_this(), why] { self->drop(why); });
}

bool connection::send(operation& op) {
    const bool sent = std::ranges::all_of(op.statements(), [&](const query& each) { return send_statement(op, each); });
    return send_sync(&op, op.kind() == intent::write) && sent;
}

bool connection::send_statement(operation& op, const query& each) {
    each.with.fill(arrays_);
    const auto hash = each.what.hash;
    const auto name = statement_cache::name_of(hash);
    const auto used = prepared_.touch(hash);
    if (used.evicted && !send_deallocate(*used.evicted)) return false;
    if (!used.known) {
        const std::string sql(each.what.sql);
        if (PQsendPrepare(session_, name.c_str(), sql.c_str(), each.with.count(), arrays_.types.data()) != 1) return false;
        expected_.push_back({expected::kind::prepare, &op, hash, false});
    }
    constexpr int binary_results = 1;
    if (PQsendQueryPrepared(session_, name.c_str(), each.with.count(), arrays_.values.data(), arrays_.lengths.data(),
                            arrays_.formats.data(), binary_results) != 1)
        return false;
    expected_.push_back({expected::kind::execute, &op, hash, false});
    return true;
}

/// In the unit of the statement that needs the room: it cannot fail there, the name is ours.
bool connection::send_deallocate(std::uint64_t hash) {
    const auto sql = fmt::format("DEALLOCATE {}", statement_cache::name_of(hash));
    if (PQsendQueryParams(session_, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) != 1) return false;
    expected_.push_back({expected::kind::deallocate, nullptr, hash, false});
    return true;
}

bool connection::send_sync(operation* op, bool write) {
    expected_.push_back({expected::kind::sync, op, 0, write});
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
        if (!ec) self->flush();
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
    const bool readable = PQconsumeInput(session_) == 1;
    while (!expected_.empty() && PQisBusy(session_) == 0) {
        auto* answer = PQgetResult(session_);
        if (!take_answer(answer)) break;
    }
    if (!readable || PQstatus(session_) == CONNECTION_BAD) return drop(trim(PQerrorMessage(session_)));
    if (doubtful_) return drop("the server's answer ended the session");
    flush();
    wake_completed();
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
        doubtful_ = doubtful_ || front.what != expected::kind::sync;
        take_sync(front);
        expected_.pop_front();
        return !doubtful_;
    }
    front.answered = true;
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        if (front.op && front.what == expected::kind::execute) front.op->add(std::move(rows));
    } else {
        take_failure(front, answer);
    }
    return true;
}

void connection::take_sync(const expected& front) {
    --in_flight_;
    if (front.write) --writes_;
    if (in_flight_ == 0) idle_since_ = steady_clock::now();
    if (front.op)
        completed_.push_back(front.op);
    else if (--abandoned_ == 0)
        expires_at(never);
}

void connection::take_failure(expected& front, const pg_result* answer) {
    if (front.what == expected::kind::prepare) prepared_.forget(front.hash);
    if (PQresultStatus(answer) == PGRES_PIPELINE_ABORTED) return;  // the consequence of a failure before it
    const char* field = PQresultErrorField(answer, PG_DIAG_SQLSTATE);
    const std::string_view sqlstate = field ? field : "";
    const auto& kind = classify(sqlstate);
    if (kind.drop_connection) doubtful_ = true;
    if (kind.code == errc::internal)
        log::error("a statement failed", {{"sqlstate", sqlstate}, {"message", trim(PQresultErrorMessage(answer))}});
    if (!front.op) return;
    if (kind.retry == retry_policy::retry_if_idempotent)
        front.op->lose();
    else
        front.op->fail(to_error(sqlstate));
}

void connection::forget(operation& abandoned) {
    for (auto& each : expected_)
        if (each.op == &abandoned) each.op = nullptr;
    if (++abandoned_ == 1) expires_at(steady_clock::now() + patience);
}

void connection::on_deadline() { drop("the server has stopped answering"); }

void connection::close() {
    owner_ = nullptr;
    finish_session();
    lose_all();
}

/// Ends the session because of a fault. The operations and the owner hear of it.
void connection::drop(std::string_view why) {
    if (!session_) return;
    if (in_flight_ > 0) log::warn("a database connection was dropped", {{"reason", why}, {"in_flight", in_flight_}});
    finish_session();
    wake_completed();
    lose_all();
    if (auto* owner = std::exchange(owner_, nullptr)) owner->on_change(*this);
}

void connection::finish_session() {
    if (!session_) return;
    socket_.cancel();
    socket_.release();  // libpq closes it
    PQfinish(std::exchange(session_, nullptr));
}

void connection::lose_all() {
    auto owed = std::move(expected_);
    expected_.clear();
    in_flight_ = writes_ = 0;
    expires_at(never);
    for (auto& each : owed)
        if (each.what == expected::kind::sync && each.op) {
            each.op->lose();
            completed_.push_back(each.op);
        }
    wake_completed();
}

void connection::wake_completed() {
    if (completed_.empty()) return;
    const auto self = shared_from_this();  // a woken waiter may be the last to need us
    auto done = std::move(completed_);
    completed_.clear();
    if (session_ && owner_) owner_->on_change(*this);
    for (auto* op : done) op->complete();
}

}  // namespace bulkhead::postgres
