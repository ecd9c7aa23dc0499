// SPDX-License-Identifier: Apache-2.0
#include "config/rows/rows.hpp"

namespace bulkhead::config {
using namespace rows;
// clang-format off
std::vector<row> edge_rows() { return {
    {.name = "REQUEST_TIMEOUT", .programs = api, .type = "time from 100ms to 5m", .fallback = "5s",
     .parse = into(&settings::request_timeout, parse_time<100, 5 * minute>),
     .help = "How long the API may work on a request."},
}; }
// clang-format on

}  // namespace bulkhead::config
