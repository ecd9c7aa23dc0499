// SPDX-License-Identifier: Apache-2.0
#include "config/rows/rows.hpp"

namespace bulkhead::config {
using namespace rows;
namespace {

std::string drain_delay(const circumstances&, so_far values) { return is_production(values) ? "5s" : "0s"; }

}  // namespace

// clang-format off
std::vector<row> general_rows() { return {
    {.name = "ENVIRONMENT", .aliases = {{"APP_ENV"}, {"NODE_ENV"}}, .programs = everyone,
     .type = "development, test, staging or production", .fallback = "development",
     .parse = into(&settings::env, parse_environment),
     .help = "Production refuses unsafe values: weak secrets, connections without TLS, debugging."},
    {.name = "DEBUG", .programs = api, .type = "true or false", .fallback = "false",
     .parse = into(&settings::debug, parse_bool),
     .help = "Details in error answers. Never secrets; refused in production."},
    {.name = "BULKHEAD_FAIL_POINT", .programs = everyone, .type = "name or name:count",
     .parse = into(&settings::fail_point, parse_text), .example = "create.database.after",
     .help = "For tests: the program kills itself when it passes this place. Refused in production."},
    {.name = "SHUTDOWN_TIMEOUT", .programs = servers, .type = "time from 100ms to 1h", .fallback = "30s",
     .parse = into(&settings::shutdown_timeout, parse_time<100, hour>),
     .help = "How long work under way may take to finish after SIGTERM."},
    {.name = "SHUTDOWN_DRAIN_DELAY", .programs = servers, .type = "time from 0s to 10m",
     .fallback = "0s, in production 5s", .computed = drain_delay,
     .parse = into(&settings::shutdown_drain_delay, parse_time<0, 10 * minute>), .example = "5s",
     .help = "How long a server answers \"not ready\" before it stops accepting, so that balancers notice."},
}; }
// clang-format on

}  // namespace bulkhead::config
