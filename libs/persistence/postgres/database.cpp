// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/database.hpp"

#include "persistence/postgres/query_span.hpp"

namespace bulkhead::postgres {
namespace {

awaitable<result<std::vector<result_set>>> run_within(std::shared_ptr<write_scope> scope,
                                                      std::span<const query> statements) {
    const auto inside = co_await scope->enter();
    if (!inside) co_return std::unexpected(inside.error());
    co_return co_await (*inside)->run(statements);
}

}  // namespace

database database::within(std::shared_ptr<write_scope> scope) const {
    auto out = *this;
    out.scope_ = std::move(scope);
    return out;
}

// Copies in what follows: a coroutine may outlive the object that was asked. What runs in a transaction is
// recorded by that.

awaitable<result<result_set>> database::one(query each, intent kind) const {
    const auto source = pool_;
    const auto scope = scope_;
    if (scope && (kind == intent::write || scope->entered())) {
        auto rows = co_await run_within(scope, {&each, 1});
        if (!rows) co_return std::unexpected(std::move(rows.error()));
        co_return std::move(rows->front());
    }
    query_span recorded(recording_, {&each, 1});
    auto rows = co_await source->run({&each, 1}, kind, deadline_);
    if (!rows) {
        recorded.fail(rows.error());
        co_return std::unexpected(std::move(rows.error()));
    }
    co_return std::move(rows->front());
}

awaitable<result<std::vector<result_set>>> database::write_all(std::vector<query> statements) const {
    const auto source = pool_;
    if (const auto scope = scope_) co_return co_await run_within(scope, statements);
    query_span recorded(recording_, statements);
    auto rows = co_await source->run(statements, intent::write, deadline_);
    if (!rows) recorded.fail(rows.error());
    co_return rows;
}

awaitable<result<database::begun>> database::begin(std::vector<query> first) const {
    const auto scope = scope_;
    if (!scope) co_return co_await begin_alone(std::move(first));
    auto whole = co_await scope->enter();
    if (!whole) co_return std::unexpected(std::move(whole.error()));
    transaction part(*std::move(whole));
    std::vector<result_set> rows;
    if (!first.empty()) {
        auto done = co_await part.run(first);
        if (!done) co_return std::unexpected(std::move(done.error()));
        rows = *std::move(done);
    }
    co_return begun{std::move(part), std::move(rows)};
}

awaitable<result<database::begun>> database::begin_alone(std::vector<query> first) const {
    const auto source = pool_;
    const auto limit = deadline_;
    const auto recording = recording_;
    // Not the role's or the database's default, whatever somebody has set.
    first.insert(first.begin(), query{"begin isolation level read committed read write", {}});
    query_span recorded(recording, first);
    auto lent = co_await source->lend(first, limit);
    if (!lent) {
        recorded.fail(lent.error());
        co_return std::unexpected(std::move(lent.error()));
    }
    lent->rows.erase(lent->rows.begin());
    co_return begun{transaction(source, std::move(lent->on), limit, recording), std::move(lent->rows)};
}

}  // namespace bulkhead::postgres
