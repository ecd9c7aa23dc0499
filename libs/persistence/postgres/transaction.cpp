// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/transaction.hpp"

#include <boost/asio/co_spawn.hpp>
#include <iterator>
#include <utility>

#include "persistence/postgres/query_span.hpp"
#include "runtime/or_die.hpp"

namespace bulkhead::postgres {
namespace {

/// For what is undone, with nobody waiting for it.
constexpr std::chrono::seconds patience_with_rollback{2};

error over() { return {.code = errc::internal, .detail = "the transaction is over"}; }

/// The answer to COMMIT did not come: it may have been too late to stop it.
error unknown_outcome(const operation& op) {
    return {.code = op.lost() ? errc::unavailable : errc::deadline_exceeded,
            .detail = "the database may or may not have done it",
            .retry_after = std::chrono::seconds{1}};
}

}  // namespace

transaction::transaction(std::shared_ptr<pool> of, std::shared_ptr<connection> lent, runtime::deadline limit,
                         trace::recorder_ptr recording)
    : pool_(std::move(of)), lent_(std::move(lent)), limit_(limit), recording_(std::move(recording)) {}

transaction::transaction(std::shared_ptr<transaction> whole)
    : whole_(std::move(whole)), limit_(whole_->limit_) {}

transaction::~transaction() {
    if (whole_) whole_->spoil();
    if (!lent_ || pool_->closed()) return;
    // What is still under way may be late for good reason, but whoever comes next must not wait for it.
    if (!lent_->is_open() || lent_->in_flight() > 0) {
        pool_->take_back(std::move(lent_), false);
    } else {
        const auto where = pool_->where();
        net::co_spawn(where, roll_back(std::move(pool_), std::move(lent_)), or_die);
    }
}

/// A part of it has failed in its own opinion: what it did cannot be told from the rest.
void transaction::spoil() {
    if (!failure_) failure_ = error{.code = errc::internal, .detail = "a part of the work was given up"};
}

awaitable<void> transaction::roll_back(std::shared_ptr<pool> of, std::shared_ptr<connection> lent) {
    const query undo{"rollback", {}};
    operation op({&undo, 1}, intent::write);
    co_await of->run_on(*lent, op, runtime::deadline::in(patience_with_rollback));
    of->take_back(std::move(lent), !op.failed());
}

awaitable<result<std::vector<result_set>>> transaction::run(std::span<const query> statements) {
    if (whole_) co_return co_await whole_->run(statements);
    if (!failure_ && !lent_) failure_ = over();
    if (!failure_ && pool_->closed()) failure_ = pool_->closed();
    if (!failure_ && !lent_->is_open())
        failure_ = error{.code = errc::unavailable,
                         .detail = "the database connection was lost",
                         .retry_after = std::chrono::seconds{1}};
    if (!failure_ && limit_.passed())
        failure_ = error{.code = errc::deadline_exceeded, .detail = "the request ran out of time"};
    if (failure_) co_return std::unexpected(*failure_);
    query_span recorded(recording_, statements);
    operation op(statements, intent::write);
    co_await pool_->run_on(*lent_, op, limit_);
    if (op.failed()) {
        fail(op);
        recorded.fail(*failure_);
        co_return std::unexpected(*failure_);
    }
    co_return op.take();
}

void transaction::fail(operation& op) {
    passing_ = op.undone();
    failure_ = op.take().error();
    if (op.lost() && pool_->closed()) failure_ = pool_->closed();
    if (passing_)
        failure_ = error{.code = errc::unavailable,
                         .detail = "the database undid it for a passing reason",
                         .retry_after = std::chrono::seconds{1}};
}

awaitable<result<>> transaction::commit(std::vector<query> last) {
    if (whole_) {
        const auto whole = std::exchange(whole_, nullptr);
        if (last.empty()) co_return result<>{};
        const auto done = co_await whole->run(last);
        if (!done) co_return std::unexpected(done.error());
        co_return result<>{};
    }
    last.push_back({"commit", {}});
    const bool ready = !failure_ && lent_ && lent_->is_open() && !limit_.passed();
    if (!ready) {  // for the reason that run() gives
        const auto refused = co_await run(last);
        co_return std::unexpected(refused.error());
    }
    query_span recorded(recording_, last);
    operation op(last, intent::write);
    co_await pool_->run_on(*lent_, op, limit_);
    const bool lost = op.lost() || lent_->in_flight() > 0;
    if (op.failed() && !lost) {
        fail(op);
        recorded.fail(*failure_);
        co_return std::unexpected(*failure_);
    }
    auto lent = std::exchange(lent_, nullptr);
    const auto why = unknown_outcome(op);
    const auto rows = op.take();
    // A transaction that has failed on the server ends without complaint, by a rollback.
    const bool done = rows && rows->back().command() == "COMMIT";
    if (!pool_->closed()) pool_->take_back(std::move(lent), done);
    if (done) co_return result<>{};
    failure_ = rows ? over() : why;
    recorded.fail(*failure_);
    co_return std::unexpected(*failure_);
}

}  // namespace bulkhead::postgres
