// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/database.hpp"

namespace bulkhead::postgres {

awaitable<result<result_set>> database::one(query each, intent kind) const {
    // Copies: the coroutine may outlive the object that was asked.
    const auto source = pool_;
    auto rows = co_await source->run({&each, 1}, kind, deadline_);
    if (!rows) co_return std::unexpected(std::move(rows.error()));
    co_return std::move(rows->front());
}

awaitable<result<std::vector<result_set>>> database::write_all(std::vector<query> statements) const {
    const auto source = pool_;
    co_return co_await source->run(statements, intent::write, deadline_);
}

}  // namespace bulkhead::postgres
