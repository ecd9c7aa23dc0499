// SPDX-License-Identifier: Apache-2.0
// Statements that a caller waits for: one implicit transaction, sent with one Sync. It lives in the frame of
// the coroutine that waits, first in the queue of its pool, then in flight on a connection; it completes
// exactly once, at the latest at its deadline. Belongs to one reactor.
#pragma once

#include <boost/intrusive/list.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "persistence/postgres/parameters.hpp"
#include "persistence/postgres/result_set.hpp"
#include "persistence/postgres/statement.hpp"
#include "runtime/deadline_list.hpp"

namespace bulkhead::postgres {

struct query {
    statement what;
    parameters with;
};

/// Reads may share a connection: their answers come at once. A write waits for the log to reach the disk and
/// would keep everything behind it waiting, so writes spread over connections. What opens a transaction gets
/// an idle connection, which is lent to whoever waits for it. Only what changes nothing, reads and openings,
/// is repeated after a lost connection.
enum class intent { read, write, opening };

class operation;
class connection;

/// A connection that carries an operation.
class operation_carrier {
public:
    /// The operation gave up waiting; its results, when they come, belong to nobody.
    virtual void forget(operation& abandoned) = 0;

protected:
    ~operation_carrier() = default;
};

using operation_hook =
    boost::intrusive::list_base_hook<boost::intrusive::tag<class operation_tag>,
                                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

class operation final : public runtime::deadline_entry, public operation_hook {
public:
    operation(std::span<const query> statements, intent kind) : statements_(statements), kind_(kind) {}

    [[nodiscard]] std::span<const query> statements() const noexcept { return statements_; }
    [[nodiscard]] intent kind() const noexcept { return kind_; }

    void waiter(std::move_only_function<void()> wake) { wake_ = std::move(wake); }
    void carried_by(operation_carrier* carrier) { carrier_ = carrier; }
    /// It stands in a queue since then.
    void waits_since(std::chrono::steady_clock::time_point when) noexcept { waits_since_ = when; }
    [[nodiscard]] std::chrono::steady_clock::time_point waits_since() const noexcept { return waits_since_; }

    void add(result_set rows) { rows_.push_back(std::move(rows)); }
    /// The first reason counts: what follows in the same transaction is only its consequence.
    void fail(error why) {
        if (!failure_) failure_ = std::move(why);
    }
    [[nodiscard]] bool failed() const noexcept { return failure_.has_value(); }
    /// The connection died under it: nobody knows whether it took effect.
    void lose() {
        lost_ = true;
        fail({.code = errc::unavailable,
              .detail = "the database connection was lost",
              .retry_after = std::chrono::seconds{1}});
    }
    [[nodiscard]] bool lost() const noexcept { return lost_; }
    /// The server refused or undid all of it for a passing reason: it may be sent again, a write too.
    void undo(error why) {
        undone_ = undone_ || !failure_;
        fail(std::move(why));
    }
    [[nodiscard]] bool undone() const noexcept { return undone_; }
    /// Its time ran out before there was a connection for it.
    [[nodiscard]] bool never_sent() const noexcept { return never_sent_; }

    /// The connection that an opening was sent on, open or not; null: there was none for it.
    void lend(std::shared_ptr<connection> held) { lent_ = std::move(held); }
    [[nodiscard]] std::shared_ptr<connection> take_lent() noexcept { return std::move(lent_); }

    /// Wakes the waiter; nothing may touch the operation afterwards.
    void complete();

    /// The result sets, one per statement. Once, after completion.
    result<std::vector<result_set>> take();

private:
    void on_deadline() override;

    std::span<const query> statements_;
    intent kind_;
    bool lost_ = false;
    bool undone_ = false;
    bool never_sent_ = false;
    std::chrono::steady_clock::time_point waits_since_{};
    operation_carrier* carrier_ = nullptr;
    std::shared_ptr<connection> lent_;
    std::move_only_function<void()> wake_;
    std::vector<result_set> rows_;
    std::optional<error> failure_;
};

/// Operations that wait for a connection, first come, first served.
using operation_queue = boost::intrusive::list<operation, boost::intrusive::base_hook<operation_hook>,
                                               boost::intrusive::constant_time_size<false>>;

}  // namespace bulkhead::postgres
