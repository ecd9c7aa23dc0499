// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/database.hpp"

#include "persistence/postgres/statement_summary.hpp"

namespace bulkhead::postgres {
namespace {

/// Named after the OpenTelemetry conventions for databases. Neither parameters nor texts: those may be
/// secret, these are in the source.
void describe(trace::client_span& into, std::span<const query> statements) {
    if (!into) return;
    into->set("db.system.name", "postgresql");
    if (statements.size() > 1) {
        into->name = "BATCH";
        into->set("db.operation.name", "BATCH");
        into->set("db.operation.batch.size", static_cast<std::int64_t>(statements.size()));
        return;
    }
    auto summary = summarise(statements.front().what.sql);
    into->name = summary.text();
    into->set("db.operation.name", std::move(summary.operation));
    if (!summary.table.empty()) into->set("db.collection.name", std::move(summary.table));
}

}  // namespace

awaitable<result<result_set>> database::one(query each, intent kind) const {
    // Copies: the coroutine may outlive the object that was asked.
    const auto source = pool_;
    trace::client_span recorded(recording_);
    describe(recorded, {&each, 1});
    auto rows = co_await source->run({&each, 1}, kind, deadline_);
    if (!rows) {
        recorded.fail(bulkhead::describe(rows.error().code).name);
        co_return std::unexpected(std::move(rows.error()));
    }
    co_return std::move(rows->front());
}

awaitable<result<std::vector<result_set>>> database::write_all(std::vector<query> statements) const {
    const auto source = pool_;
    trace::client_span recorded(recording_);
    if (!statements.empty()) describe(recorded, statements);
    auto rows = co_await source->run(statements, intent::write, deadline_);
    if (!rows) recorded.fail(bulkhead::describe(rows.error().code).name);
    co_return rows;
}

}  // namespace bulkhead::postgres
