// SPDX-License-Identifier: Apache-2.0
#include "events/event_column.hpp"

#include <fmt/format.h>

#include <optional>

#include "events/delivery_job.hpp"

namespace bulkhead::events {

std::string telling(std::string_view change, std::string_view event, std::string_view data) {
    return fmt::format(
        "{0}, case when exists (select from webhooks w where w.disabled_at is null and '{1}' = any "
        "(w.events)) "
        "then note_event('{1}', {2}, '{3}', {4}::smallint, {5}) end",
        change, event, data, delivery_kind.name, static_cast<int>(delivery_kind.lane),
        delivery_kind.retry.attempts);
}

void tell(const tenancy::tenant_context& within, const postgres::result_set::row& changed, int column) {
    if (const auto ids = changed.get<std::optional<std::string>>(column)) run_jobs_of(within, *ids);
}

}  // namespace bulkhead::events
