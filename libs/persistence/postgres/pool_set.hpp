// SPDX-License-Identifier: Apache-2.0
// All pools of one reactor, under one budget of connections. A database that needs a connection when the
// budget is spent gets the one that has been idle longest elsewhere; when none is idle its requests wait in
// line, within their deadline, until one that has had its share of time has finished what it carries. Belongs
// to its reactor; destroyed after stop(), when the reactor has ended.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "persistence/postgres/pool.hpp"

namespace bulkhead::postgres {

class pool_set final : private connection_budget {
public:
    pool_set(executor ex, pool_settings settings);
    ~pool_set();

    /// Begins the upkeep (idle close, deadlines). On the reactor's thread.
    void start();
    /// Closes everything; what waits or flies fails with errc::unavailable, and so does everything later. On
    /// the reactor's thread.
    void stop();

    /// The pool of a database, made on first use. `key` names the target: a changed target needs another key,
    /// and the old pool goes when it falls idle.
    std::shared_ptr<pool> get(const std::string& key, const conninfo& target);

    [[nodiscard]] std::size_t open_connections() const noexcept { return open_; }
    [[nodiscard]] pool_usage usage() const;

private:
    bool acquire(pool& asking) override;
    void release() override;
    void on_progress() override;
    bool steal_idle(const pool& asking, steady_clock::time_point now);
    void feed();
    void make_room(steady_clock::time_point now);
    void upkeep();

    executor executor_;
    const pool_settings settings_;
    runtime::deadline_list deadlines_;
    steady_timer timer_;
    std::unordered_map<std::string, std::shared_ptr<pool>> pools_;
    std::deque<std::weak_ptr<pool>> hungry_;  // starving pools, first come, first served
    std::size_t open_ = 0;
    steady_clock::time_point look_again_{};
    bool feeding_ = false;
    bool stopped_ = false;
};

}  // namespace bulkhead::postgres
