// SPDX-License-Identifier: Apache-2.0
#include "events/delivery_job.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "queue/outbox.hpp"

namespace bulkhead::events {

std::string insert_jobs_of(std::string_view from) {
    return fmt::format(
        "insert into jobs (id, kind, lane, payload, version, most_attempts) "
        "select id, '{}', {}, '{{}}', {}, {} from {} returning id",
        delivery_kind.name, static_cast<int>(delivery_kind.lane), delivery_kind.version,
        delivery_kind.retry.attempts, from);
}

void run_jobs_of(const tenancy::tenant_context& within, std::string_view ids) {
    if (ids.empty()) return;
    auto& outbox = within.request().service<queue::outbox>();
    std::vector<queue::ticket> told;
    for (const auto text : split(ids, ','))
        if (const auto id = uuid::parse(text))
            told.push_back({.tenant = within.info().id,
                            .id = *id,
                            .kind = std::string(delivery_kind.name),
                            .lane = delivery_kind.lane});
    within.request().when_effective([&outbox, told = std::move(told)]() mutable {
        for (auto& each : told) outbox.push_soon(std::move(each));
    });
}

}  // namespace bulkhead::events
