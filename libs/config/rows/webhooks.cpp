// SPDX-License-Identifier: Apache-2.0
#include "config/rows/rows.hpp"

namespace bulkhead::config {
using namespace rows;

// clang-format off
std::vector<row> webhook_rows() { return {
    {.name = "WEBHOOK_ALLOWED_NETWORKS", .programs = servers, .type = "comma list of networks and addresses",
     .parse = into(&settings::webhook_allowed_networks, parse_networks), .example = "10.20.0.0/16",
     .help = "Where webhooks may lead although it is not the public internet. For intranets and tests."},
    {.name = "WEBHOOK_DISABLE_AFTER", .programs = worker, .type = "time from 1s to 90d", .fallback = "5d",
     .parse = into(&settings::webhook_disable_after, parse_time<second, 90 * day>),
     .help = "A webhook of which no call has succeeded for so long is not called any more."},
    {.name = "WEBHOOK_KEEP_DELIVERIES", .programs = worker, .type = "time from 1d to 3650d", .fallback = "30d",
     .parse = into(&settings::webhook_keep_deliveries, parse_time<day, 3650 * day>),
     .help = "How long a delivery is remembered, and can be sent again. Those still to be made stay."},
}; }
// clang-format on

}  // namespace bulkhead::config
