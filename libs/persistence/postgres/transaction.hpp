// SPDX-License-Identifier: Apache-2.0
// A transaction that decides between its statements. It has a connection for itself until it ends, so keep it
// short and wait for nothing else inside; it ends with its request's deadline at the latest. Whatever happens
// to it without commit(), also to the program, undoes it. Made by database::begin; belongs to one reactor.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "observability/trace_recorder.hpp"
#include "persistence/postgres/pool.hpp"

namespace bulkhead::postgres {

class transaction {
public:
    /// On a connection that the pool lent, where it has begun. Its statements are spans of the recording.
    transaction(std::shared_ptr<pool> of, std::shared_ptr<connection> lent, runtime::deadline limit,
                trace::recorder_ptr recording);
    /// A part of another one: its commit leaves the effect to that one, its end without commit spoils that
    /// one.
    explicit transaction(std::shared_ptr<transaction> whole);
    transaction(transaction&&) noexcept = default;
    transaction& operator=(transaction&&) = delete;
    ~transaction();

    /// The result sets, one per statement; none of them depends on another's rows. The first failure is the
    /// end: everything is undone, and what comes later fails with the same error. errc::unavailable also for
    /// a passing reason (deadlock, a stale plan), see `passing`.
    awaitable<result<std::vector<result_set>>> run(std::span<const query> statements);

    /// Runs `last` and makes it all take effect. Once. An error: nothing has, unless the connection was lost
    /// or the time ran out on the way, when nobody knows; the detail says so.
    awaitable<result<>> commit(std::vector<query> last = {});

    /// It failed for a reason that is over: the same again may succeed.
    [[nodiscard]] bool passing() const noexcept { return passing_; }

private:
    void fail(operation& op);
    void spoil();
    static awaitable<void> roll_back(std::shared_ptr<pool> of, std::shared_ptr<connection> lent);

    std::shared_ptr<transaction> whole_;  // instead of what follows
    std::shared_ptr<pool> pool_;
    std::shared_ptr<connection> lent_;  // null: it is over
    runtime::deadline limit_;
    trace::recorder_ptr recording_{};
    std::optional<error> failure_{};
    bool passing_ = false;
};

/// Where the writes of one request go when they are to take effect together with something else. A database
/// that was made for it (database::within) runs repositories inside without their knowing.
class write_scope {
public:
    /// The transaction; begun by the first write. The error is what keeps the request from writing.
    virtual awaitable<result<std::shared_ptr<transaction>>> enter() = 0;
    /// The same, if something was written already, else null.
    [[nodiscard]] virtual std::shared_ptr<transaction> entered() const = 0;

protected:
    ~write_scope() = default;
};

}  // namespace bulkhead::postgres
