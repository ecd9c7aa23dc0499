// SPDX-License-Identifier: Apache-2.0
// One PostgreSQL session in pipeline mode. Operations are sent as they come, each closed by its own Sync, so
// they stay independent transactions while many are in flight. After any protocol doubt the session is
// dropped, never repaired. Belongs to one reactor; the pool and the read loop share ownership.
#pragma once

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <deque>
#include <memory>

#include "base/random.hpp"
#include "persistence/postgres/connect.hpp"
#include "persistence/postgres/operation.hpp"
#include "persistence/postgres/statement_cache.hpp"
#include "runtime/asio.hpp"
#include "runtime/deadline.hpp"

struct pg_conn;

namespace bulkhead::postgres {

class connection;

/// Whoever owns connections hears of their changes, on the reactor, never from inside submit().
class connection_owner {
public:
    /// It has room again (an operation ended), or it is gone (`open()` is false; drop it).
    virtual void on_change(connection& changed) = 0;

protected:
    ~connection_owner() = default;
};

/// Whether statements are prepared once for the session, or each time: behind a pooler the session is another
/// one after each operation.
enum class statement_names { kept, none };

class connection final : public std::enable_shared_from_this<connection>,
                         public runtime::deadline_entry,
                         private operation_carrier {
    struct passkey {};

public:
    using opened = std::expected<std::shared_ptr<connection>, connect_failure>;

    /// Connects, logs in and enters pipeline mode before `limit`. `owner` must outlive the connection or its
    /// close(), and adds it to its deadline list.
    static awaitable<opened> open(conninfo target, session_defaults defaults, statement_names names,
                                  runtime::deadline limit, connection_owner& owner);

    connection(passkey, executor ex, connected_session made, statement_names names, connection_owner& owner);
    ~connection();

    /// Sends `op`; it completes on this reactor, after this function returned. Only while open.
    void submit(operation& op);

    /// Ends the session; what is in flight is lost. The owner is not told.
    void close();

    /// It shall carry nothing new; its owner closes it when nothing is in flight.
    void retire() noexcept { retiring_ = true; }

    /// It carries one transaction, statement by statement, and nothing else until it is taken back.
    void lend() noexcept { lent_ = true; }
    void take_back() noexcept { lent_ = false; }

    [[nodiscard]] bool is_open() const noexcept { return session_ != nullptr; }
    [[nodiscard]] bool is_retiring() const noexcept { return retiring_; }
    /// Open, wanted, and not overdue with an answer that somebody gave up waiting for: what is sent behind
    /// such a statement would wait for it, and be lost with it when the session is dropped.
    [[nodiscard]] bool is_usable() const noexcept { return is_open() && !retiring_ && abandoned_ == 0; }
    [[nodiscard]] bool is_lent() const noexcept { return lent_; }
    /// It carries nothing, nor will somebody come back to it.
    [[nodiscard]] bool is_idle() const noexcept { return in_flight_ == 0 && !lent_; }
    [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_; }
    [[nodiscard]] std::size_t writes_in_flight() const noexcept { return writes_; }
    [[nodiscard]] steady_clock::time_point opened_at() const noexcept { return opened_; }
    [[nodiscard]] steady_clock::time_point idle_since() const noexcept { return idle_since_; }
    /// Random in [0, 1), fixed for this connection: spreads what would otherwise happen to many at once.
    [[nodiscard]] double spread() const noexcept { return spread_; }

private:
    using descriptor = net::posix::basic_stream_descriptor<executor>;

    /// One answer that the server owes us, in order.
    struct expected {
        enum class kind { prepare, execute, deallocate, sync, end } what;  // end: the Sync of an operation
        operation* op = nullptr;                                           // null: nobody waits any more
        std::uint64_t hash = 0;                                            // of the statement
        std::uint64_t serial = 0;                                          // of its preparation
        bool write = false;
        bool answered = false;
    };
    using kind = expected::kind;

    static awaitable<void> read_loop(std::shared_ptr<connection> self);
    void forget(operation& abandoned) override;
    void on_deadline() override;

    bool send(operation& op);
    bool send_operation(operation& op);
    bool prepare(operation& op, const query& each, std::uint64_t& serial);
    bool send_prepared(const query& each);
    bool send_whole(const query& each);
    bool deallocate(std::uint64_t hash);
    bool send_sync(expected answer);
    void flush();
    void read_soon();
    void read_available();
    bool take_answer(pg_result* answer);
    void take_end(const expected& front);
    void take_failure(const expected& front, const pg_result* answer);
    void take_stale(const expected& front, std::string_view sqlstate);
    void drop(std::string_view why);
    void drop_soon(std::string_view why);
    void finish_session();
    void report_loss();
    void lose_all();
    void wake_completed();

    descriptor socket_;
    pg_conn* session_;
    connection_owner* owner_;
    const statement_names names_;
    statement_cache prepared_;
    std::deque<expected> expected_;
    std::vector<operation*> completed_;
    std::vector<std::uint64_t> serials_;  // of the preparations that the operation being sent uses
    parameters::arrays arrays_;
    std::size_t in_flight_ = 0;
    std::size_t writes_ = 0;
    std::size_t abandoned_ = 0;
    bool waiting_to_write_ = false;
    bool retiring_ = false;
    bool lent_ = false;
    bool doubtful_ = false;  // drop it once what has been read is handed out
    const steady_clock::time_point opened_ = steady_clock::now();
    steady_clock::time_point idle_since_ = opened_;
    const double spread_ = jitter();
};

}  // namespace bulkhead::postgres
