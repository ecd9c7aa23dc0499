// SPDX-License-Identifier: Apache-2.0
// What repositories see of PostgreSQL: statements against one database within one request's deadline. Cheap
// to copy; keeps its pool alive. Belongs to one reactor.
#pragma once

#include <memory>

#include "observability/trace_recorder.hpp"
#include "persistence/postgres/pool.hpp"

namespace bulkhead::postgres {

class database {
public:
    database(std::shared_ptr<pool> source, runtime::deadline limit)
        : pool_(std::move(source)), deadline_(limit) {}

    /// Every statement from now on is a span of this request's trace; null: none is.
    void record_in(trace::recorder_ptr recording) noexcept { recording_ = std::move(recording); }

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

    /// Several statements as one transaction, none of which depends on another's rows.
    awaitable<result<std::vector<result_set>>> write_all(std::vector<query> statements) const;

private:
    awaitable<result<result_set>> one(query each, intent kind) const;

    std::shared_ptr<pool> pool_;
    runtime::deadline deadline_;
    trace::recorder_ptr recording_{};
};

}  // namespace bulkhead::postgres
