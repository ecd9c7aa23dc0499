// SPDX-License-Identifier: Apache-2.0
// All pools of one reactor, under one budget of connections. A database that needs a connection when the
// budget is spent gets one that is idle elsewhere: the longest, unless others are asked for less; when none
// is idle its requests wait in line, within their deadline, until one that has had its share of time has
// finished what it carries. Belongs to its reactor; destroyed after stop(), when the reactor has ended.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "persistence/postgres/pool.hpp"

namespace bulkhead::postgres {

/// Lets a map of strings be searched with a view.
struct string_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
        return std::hash<std::string_view>{}(text);
    }
};

class pool_set final : private connection_budget {
public:
    pool_set(executor ex, pool_settings settings);
    ~pool_set();

    /// Begins the upkeep (idle close, deadlines). On the reactor's thread.
    void start();
    /// Closes everything; what waits or flies fails with errc::unavailable, and so does everything later. On
    /// the reactor's thread.
    void stop();

    /// The pool of a database, made on first use. `key` is the caller's name for it. When it leads elsewhere
    /// than before (another host, role, password ...), a new pool takes the place of the old one, which
    /// finishes what it carries. Cheapest with the same pointer every time.
    std::shared_ptr<pool> get(std::string_view key, const std::shared_ptr<const conninfo>& target);
    std::shared_ptr<pool> get(std::string_view key, const conninfo& target);

    /// Closes the pool of that name, and one of that name that is on its way out: what waits or flies fails
    /// with `why`. A later get() makes a new one. On the reactor's thread.
    void close(std::string_view key, const error& why);

    /// From now on so many connections at most. With fewer, idle ones go first, those that carry something
    /// when they have finished, the oldest first. On the reactor's thread.
    void set_budget(std::size_t connections);

    [[nodiscard]] std::size_t open_connections() const noexcept { return open_; }
    [[nodiscard]] pool_usage usage() const;

    /// State of every pool. On the reactor's thread.
    [[nodiscard]] pool_set_report report() const;
    /// From any thread.
    [[nodiscard]] const pool_counters& counters() const noexcept { return counters_; }
    [[nodiscard]] const pool_gauges& gauges() const noexcept { return gauges_; }

private:
    bool acquire(pool& asking) override;
    void release() override;
    void on_progress() override;
    pool_counters& counted() override { return counters_; }
    std::shared_ptr<pool> renewed(std::string_view key, std::shared_ptr<const conninfo> target);
    template <class Visit>
    void for_each_pool(Visit visit) const;
    void shrink();
    [[nodiscard]] bool may_take(steady_clock::time_point now);
    bool steal_idle(const pool& asking, steady_clock::time_point now);
    bool close_idle(const pool* except, steady_clock::time_point now, steady_clock::time_point before);
    void feed();
    void make_room(steady_clock::time_point now);
    void upkeep();
    void refresh_gauges();

    executor executor_;
    const pool_settings settings_;
    std::size_t budget_;
    pool_counters counters_;
    pool_gauges gauges_;
    runtime::deadline_list deadlines_;
    steady_timer timer_;
    std::unordered_map<std::string, std::shared_ptr<pool>, string_hash, std::equal_to<>> pools_;
    std::vector<std::pair<std::string, std::shared_ptr<pool>>> retired_;  // others have taken their place
    std::deque<std::weak_ptr<pool>> hungry_;    // starving pools, first come, first served
    std::vector<std::weak_ptr<pool>> opening_;  // a connection, or were a moment ago
    std::size_t open_ = 0;
    steady_clock::time_point look_again_{};
    bool feeding_ = false;
    bool stopped_ = false;
};

}  // namespace bulkhead::postgres
