// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/query_span.hpp"

#include "persistence/postgres/statement_summary.hpp"

namespace bulkhead::postgres {

/// Named after the OpenTelemetry conventions for databases. Neither parameters nor texts: those may be
/// secret, these are in the source.
query_span::query_span(trace::recorder_ptr into, std::span<const query> statements) : span_(std::move(into)) {
    if (!span_ || statements.empty()) return;
    span_->set("db.system.name", "postgresql");
    if (statements.size() > 1) {
        span_->name = "BATCH";
        span_->set("db.operation.name", "BATCH");
        span_->set("db.operation.batch.size", static_cast<std::int64_t>(statements.size()));
        return;
    }
    auto summary = summarise(statements.front().what.sql);
    span_->name = summary.text();
    span_->set("db.operation.name", std::move(summary.operation));
    if (!summary.table.empty()) span_->set("db.collection.name", std::move(summary.table));
}

}  // namespace bulkhead::postgres
