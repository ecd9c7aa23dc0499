// SPDX-License-Identifier: Apache-2.0
// GET and PUT /debug/log-level: how much is logged, until the program ends or SIGHUP reads LOG_LEVEL again.
// For the operator's port only.
#pragma once

#include <boost/describe.hpp>

#include "http/router.hpp"
#include "observability/log.hpp"
#include "schema/schema.hpp"

namespace bulkhead::log {
BOOST_DESCRIBE_ENUM(level, trace, debug, info, warn, error, off)
}  // namespace bulkhead::log

namespace bulkhead::ops {

struct log_threshold {
    log::level level;
};
BOOST_DESCRIBE_STRUCT(log_threshold, (), (level))

void mount_log_level(http::router& routes);

}  // namespace bulkhead::ops
