// SPDX-License-Identifier: Apache-2.0
// The job that tells one webhook of one event, as those who make it must know it; the feature webhooks runs
// it. It has the id of its delivery, and nothing else to say.
#pragma once

#include <boost/describe.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "queue/kind.hpp"
#include "tenancy/tenant_context.hpp"

namespace bulkhead::events {

struct delivery_payload {};
BOOST_DESCRIBE_STRUCT(delivery_payload, (), ())

/// More runs than calls: what fails for reasons of our own does not cost the receiver a call. When the next
/// call is due the handler says.
inline constexpr queue::kind_rules delivery_kind{
    .name = "webhook.deliver",
    .retry = {.attempts = 25, .first = std::chrono::seconds(4), .most = std::chrono::minutes(10)},
    .time_limit = std::chrono::seconds(60)};

/// SQL: inserts the jobs of the deliveries that the name `from` stands for, each with an id.
[[nodiscard]] std::string insert_jobs_of(std::string_view from);

/// Has the jobs run that this request inserted, once it takes effect. `ids`: UUIDs with commas between; empty
/// for none. Should we die before that, a relay finds them.
void run_jobs_of(const tenancy::tenant_context& within, std::string_view ids);

}  // namespace bulkhead::events
