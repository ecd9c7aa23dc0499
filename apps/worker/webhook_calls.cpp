// SPDX-License-Identifier: Apache-2.0
#include "webhook_calls.hpp"

#include "observability/log.hpp"
#include "service/from_settings.hpp"

namespace bulkhead::worker {

webhook_calls::webhook_calls(const config::settings& from, const sealed_box& box, metrics::registry& counts,
                             std::size_t at_a_time)
    : disable_after_(from.webhook_disable_after),
      known_(box, service::webhook_targets(from)),
      threads_("webhooks", at_a_time, at_a_time),
      client_(threads_, counts, {.rules = service::webhook_targets(from)}) {
    if (from.env == config::environment::production && !from.webhook_allowed_networks.empty())
        log::warn("webhooks may reach networks that are not public",
                  {{"networks", from.webhook_allowed_networks.size()}});
}

}  // namespace bulkhead::worker
