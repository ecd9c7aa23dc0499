// SPDX-License-Identifier: Apache-2.0
// What repositories see of PostgreSQL: statements against one database within one request's deadline. Cheap
// to copy; keeps its pool alive. Belongs to one reactor.
#pragma once

#include <memory>

#include "observability/trace_recorder.hpp"
#include "persistence/postgres/pool.hpp"
#include "persistence/postgres/transaction.hpp"

namespace bulkhead::postgres {

class database {
public:
    database(std::shared_ptr<pool> source, runtime::deadline limit)
        : pool_(std::move(source)), deadline_(limit) {}

    /// Every statement from now on is a span of this request's trace; null: none is.
    void record_in(trace::recorder_ptr recording) noexcept { recording_ = std::move(recording); }
    /// The same database for a request whose writes belong together: they run in the scope's transaction,
    /// and so do reads once something was written.
    [[nodiscard]] database within(std::shared_ptr<write_scope> scope) const;

    /// One statement that changes nothing; repeated once if its connection dies.
    template <class... T>
    awaitable<result<result_set>> read(statement what, const T&... values) const {
        return one({what, parameters::of(values...)}, intent::read);
    }
    awaitable<result<result_set>> read(statement what, parameters values) const {
        return one({what, std::move(values)}, intent::read);
    }

    /// One statement that changes something: it takes effect once or, after a lost connection, at most once.
    template <class... T>
    awaitable<result<result_set>> write(statement what, const T&... values) const {
        return one({what, parameters::of(values...)}, intent::write);
    }
    awaitable<result<result_set>> write(statement what, parameters values) const {
        return one({what, std::move(values)}, intent::write);
    }

    /// Several statements as one transaction, none of which depends on another's rows.
    awaitable<result<std::vector<result_set>>> write_all(std::vector<query> statements) const;

    /// A transaction, and what its first statements gave.
    struct begun {
        transaction open;
        std::vector<result_set> rows;
    };
    /// For writes that depend on what was read: begins a transaction and runs `first` in it. Waits for a
    /// connection that is idle, which is then taken from everybody else: prefer one statement that says it
    /// all, or write_all.
    awaitable<result<begun>> begin(std::vector<query> first = {}) const;

private:
    awaitable<result<result_set>> one(query each, intent kind) const;
    awaitable<result<begun>> begin_alone(std::vector<query> first) const;

    std::shared_ptr<pool> pool_;
    runtime::deadline deadline_;
    trace::recorder_ptr recording_{};
    std::shared_ptr<write_scope> scope_{};
};

}  // namespace bulkhead::postgres
