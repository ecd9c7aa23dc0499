// SPDX-License-Identifier: Apache-2.0
// Every task of one user, newest first, page by page, within a transaction that somebody else began: for work
// behind the requests, on behalf of that user. Belongs to one reactor.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "features/tasks/model.hpp"
#include "persistence/postgres/transaction.hpp"

namespace bulkhead::tasks {

class all_tasks {
public:
    using row = task;

    explicit all_tasks(const uuid& user) : user_(user) {}

    awaitable<result<std::int64_t>> count(postgres::transaction& within) const;

    /// The next `most`; fewer, and then none, at the end.
    awaitable<result<std::vector<task>>> next(postgres::transaction& within, int most);

private:
    struct place {
        utc_time created_at;
        uuid id;
    };
    uuid user_;
    std::optional<place> after_;
};

}  // namespace bulkhead::tasks
