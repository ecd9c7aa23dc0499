// SPDX-License-Identifier: Apache-2.0
// The connections of one reactor to one database: none while nobody asks, few when many do, since a
// connection carries many reads at once. Operations that find no connection wait in order, with their
// deadline. While the database refuses connections the pool answers at once and tries again at most
// once a second. Callers keep a shared pointer to it while they wait.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "persistence/postgres/connection.hpp"
#include "persistence/postgres/demand.hpp"
#include "persistence/postgres/pool_report.hpp"
#include "persistence/postgres/pool_settings.hpp"

namespace bulkhead::postgres {

class pool;

/// What a pool needs from the set it stands in: room in the common budget. None of these wakes a waiter.
class connection_budget {
public:
    /// True: one more connection may be opened (an idle one elsewhere may have been closed for it). False: a
    /// pool that is starving hears of room by retry(), in order.
    virtual bool acquire(pool& asking) = 0;
    /// A connection is gone, or was not opened after all.
    virtual void release() = 0;
    /// A connection has less to do than before.
    virtual void on_progress() = 0;
    [[nodiscard]] virtual pool_counters& counted() = 0;

protected:
    ~connection_budget() = default;
};

struct pool_usage {
    std::size_t connections, idle, in_flight, waiting;
    bool failing;
};

class pool final : public std::enable_shared_from_this<pool>, private connection_owner {
public:
    /// `budget` and `deadlines` must outlive close().
    pool(executor ex, std::shared_ptr<const conninfo> target, const pool_settings& settings,
         connection_budget& budget, runtime::deadline_list& deadlines);
    ~pool();
    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;

    /// Runs the statements as one transaction and gives their result sets. errc::unavailable when there is no
    /// connection in time or the database is away, errc::deadline_exceeded when the answer is late,
    /// errc::conflict and others as sqlstate.hpp maps them. A read that lost its connection is repeated once;
    /// what the server undid for a passing reason (serialization, deadlock, a stale plan) a few times.
    awaitable<result<std::vector<result_set>>> run(std::span<const query> statements, intent kind,
                                                   runtime::deadline limit);

    /// A connection for one transaction alone, on which the opening statements have run.
    struct loan {
        std::shared_ptr<connection> on;
        std::vector<result_set> rows;
    };
    /// Runs the statements that open a transaction, and lends the connection: give it back. Waits in line as
    /// run() does, and fails like it.
    awaitable<result<loan>> lend(std::span<const query> opening, runtime::deadline limit);
    /// Runs `op` on a connection that is lent and open.
    awaitable<void> run_on(connection& lent, operation& op, runtime::deadline limit);
    /// The end of a loan. Not `sound`: its transaction may not be over, so the session is ended, and the
    /// server undoes what is open. Wakes nobody before the next turn of the loop.
    void take_back(std::shared_ptr<connection> lent, bool sound);
    /// Why the pool was closed, if it was.
    [[nodiscard]] const std::optional<error>& closed() const noexcept { return closed_; }
    [[nodiscard]] const executor& where() const noexcept { return executor_; }

    /// Closes every connection; what waits or flies fails with `why`, and so do later calls.
    void close(error why);

    /// Another pool takes its place: it finishes what it has been or will be given, and keeps no connection
    /// for longer than that.
    void wind_down();

    /// True when `other` leads to the same place with the same login.
    bool leads_to(const std::shared_ptr<const conninfo>& other);
    bool leads_to(const conninfo& other) const { return target_->same_as(other); }

    /// Closes what has been idle or open for too long. True when nothing is left.
    bool tidy(steady_clock::time_point now);
    /// Closes the connection that has been idle longest.
    bool close_idlest();
    [[nodiscard]] steady_clock::time_point idlest() const;  // time_point::max(): none is idle
    /// What one of its connections is worth: how much it was asked for lately, over how many there are.
    [[nodiscard]] double worth(steady_clock::time_point now) const;

    [[nodiscard]] pool_usage usage() const;
    [[nodiscard]] pool_report report(std::string key) const;
    /// Requests wait, and only room in the budget keeps them from a connection.
    [[nodiscard]] bool starving() const;
    /// It is opening a connection, and the server has not been silent for so long that it may never answer.
    [[nodiscard]] bool opening(steady_clock::time_point now) const;
    /// Budget has become free: try to connect for those who wait.
    void retry();

    /// The connection that a starving pool could have next: the oldest, when there are several or it has had
    /// its share of time. Null: none.
    [[nodiscard]] connection* dispensable(steady_clock::time_point now) const;
    [[nodiscard]] std::size_t usable() const;
    void add_usable(std::vector<connection*>& to) const;
    [[nodiscard]] std::size_t retiring() const;

private:
    struct start;
    struct start_on;
    awaitable<void> carry(operation& op, runtime::deadline limit);
    [[nodiscard]] std::optional<error> refusal(runtime::deadline limit) const;
    void begin(operation& op);
    void dispatch();
    void grow();
    [[nodiscard]] connection* choose(intent kind) const;
    [[nodiscard]] bool wants_more(const connection* chosen, intent kind) const;
    [[nodiscard]] bool refusing() const;
    awaitable<connection::opened> open_connection();
    static awaitable<void> connect_one(std::shared_ptr<pool> self);
    void on_connect_failed(connect_failure why);
    void drop(const std::shared_ptr<connection>& chosen);
    void on_change(connection& changed) override;
    void on_gone(const connection& gone);
    void fail_queue(const error& why);

    executor executor_;
    std::shared_ptr<const conninfo> target_;
    const pool_settings settings_;
    const bool pooled_;  // a PgBouncer is in between
    const std::size_t most_in_flight_;
    connection_budget& budget_;
    runtime::deadline_list& deadlines_;
    std::vector<std::shared_ptr<connection>> connections_;
    operation_queue queue_;
    demand demand_;
    bool connecting_ = false;
    bool hungry_ = false;  // the budget knows that we starve
    bool winding_down_ = false;
    std::optional<error> closed_{};  // why
    std::uint64_t opened_ = 0;
    steady_clock::time_point connecting_since_{};
    steady_clock::time_point refuse_until_{};
    steady_clock::time_point ask_again_{};         // for a connection more than we need
    std::optional<connect_failure> last_failure_;  // none after a success
};

}  // namespace bulkhead::postgres
