// SPDX-License-Identifier: Apache-2.0
// All pools of one reactor, under one budget of connections. A database that needs a connection when the budget is
// spent gets the one that has been idle longest elsewhere; when none is idle its requests wait their deadline.
#pragma once

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
    /// Closes everything. On the reactor's thread.
    void stop();

    /// The pool of a database, made on first use. `key` names the target: a changed target needs another key, and
    /// the old pool goes when it falls idle.
    std::shared_ptr<pool> get(const std::string& key, const conninfo& target);

    [[nodiscard]] std::size_t open_connections() const noexcept { return open_; }
    [[nodiscard]] pool_usage usage() const;

  private:
    bool acquire(pool& asking) override;
    void release() override;
    void on_idle(pool& owner) override;
    void upkeep();
    void feed_the_starving();

    executor executor_;
    const pool_settings settings_;
    runtime::deadline_list deadlines_;
    steady_timer timer_;
    std::unordered_map<std::string, std::shared_ptr<pool>> pools_;
    std::size_t open_ = 0;
    bool feeding_ = false;
};

}  // namespace bulkhead::postgres
