// SPDX-License-Identifier: Apache-2.0
#include "events/event_column.hpp"

#include <fmt/format.h>

#include <optional>

namespace bulkhead::events {

told_change::told_change(std::string_view change, event what, std::string_view data)
    : with_column_(fmt::format(
          "{0}, case when exists (select from webhooks w where w.disabled_at is null and '{1}' = any "
          "(w.events)) "
          "then note_event('{1}', {2}, '{3}', {4}::smallint, {5}) end",
          change, schema::enum_name(what), data, delivery_kind.name, static_cast<int>(delivery_kind.lane),
          delivery_kind.retry.attempts)),
      without_(fmt::format("{}, null::text", change)),
      telling_(with_column_),
      silent_(without_) {}

void tell(const tenancy::tenant_context& within, const postgres::result_set::row& changed, int column) {
    if (const auto ids = changed.get<std::optional<std::string>>(column)) run_jobs_of(within, *ids);
}

}  // namespace bulkhead::events
