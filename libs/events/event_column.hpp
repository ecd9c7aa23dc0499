// SPDX-License-Identifier: Apache-2.0
// A column that a statement which changes something returns, and which notes for every webhook that listens
// what is to be told of the change: change, deliveries and jobs take effect together or not at all. Where
// nobody listens it costs one look into a table that is empty. Pure but for `tell`.
#pragma once

#include <string>
#include <string_view>

#include "events/delivery_job.hpp"
#include "events/event.hpp"
#include "persistence/postgres/result_set.hpp"
#include "persistence/postgres/statement.hpp"
#include "tenancy/schema_levels.hpp"
#include "tenancy/tenant_context.hpp"

namespace bulkhead::events {

/// SQL: a time as the API writes it.
#define EVENT_TIME(column) "to_char(" column " at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

/// A statement that changes something, with that column at its end. Make it once; immutable.
class told_change {
public:
    /// `change` ends with "returning ...". `data`: SQL, what is told, as json made of the row's
    /// columns. Both are static text of ours.
    told_change(std::string_view change, event what, std::string_view data);
    told_change(const told_change&) = delete;
    told_change& operator=(const told_change&) = delete;

    /// For this tenant's database: one that is not migrated yet has no webhooks, and the column is null
    /// there.
    [[nodiscard]] postgres::statement in(const tenancy::tenant_context& within) const {
        return within.info().schema_version < tenancy::with_webhooks ? silent_ : telling_;
    }

    [[nodiscard]] std::string_view telling() const noexcept { return telling_.sql; }

private:
    const std::string with_column_;
    const std::string without_;
    const postgres::statement telling_;
    const postgres::statement silent_;
};

/// Has the deliveries made that this row of such a statement noted, once the request takes effect. `column`:
/// how many others there are.
void tell(const tenancy::tenant_context& within, const postgres::result_set::row& changed, int column);

}  // namespace bulkhead::events
