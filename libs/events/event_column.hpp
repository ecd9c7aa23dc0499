// SPDX-License-Identifier: Apache-2.0
// A column that a statement which changes something returns, and which notes for every webhook that listens
// what is to be told of the change: change, deliveries and jobs take effect together or not at all. Where
// nobody listens it costs one look into a table that is empty. Pure but for `tell`.
#pragma once

#include <string>
#include <string_view>

#include "persistence/postgres/result_set.hpp"
#include "tenancy/tenant_context.hpp"

namespace bulkhead::events {

/// SQL: a time as the API writes it.
#define EVENT_TIME(column) "to_char(" column " at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

/// `change` with that column at its end; it ends with "returning ...". `event`: "task.created". `data`: SQL,
/// what is told, as json made of the row's columns. All are static text of ours. The same text for the same
/// change: keep it, so that it is prepared once.
[[nodiscard]] std::string telling(std::string_view change, std::string_view event, std::string_view data);

/// Has the deliveries made that this row of such a statement noted, once the request takes effect. `column`:
/// how many others there are.
void tell(const tenancy::tenant_context& within, const postgres::result_set::row& changed, int column);

}  // namespace bulkhead::events
