// SPDX-License-Identifier: Apache-2.0
#include "ops/log_level.hpp"

namespace bulkhead::ops {
namespace {

// GET /debug/log-level
awaitable<result<log_threshold>> get_log_level(http::exchange&) {
    co_return log_threshold{log::current_level()};
}

// PUT /debug/log-level
awaitable<result<log_threshold>> put_log_level(http::exchange& x, http::body<log_threshold> wanted) {
    const auto before = log::current_level(), now = wanted.value.level;
    log::set_level(std::min({before, now, log::level::warn}));  // so that this line is not lost
    x.log().warn("log level set", {{"level", log::level_name(now)}, {"before", log::level_name(before)}});
    log::set_level(now);
    co_return log_threshold{now};
}

}  // namespace

void mount_log_level(http::router& routes) {
    constexpr std::string_view path = "/debug/log-level", tag = "ops";
    routes.get<get_log_level>(path, {.id = "getLogLevel", .summary = "How much is logged", .tag = tag});
    routes.put<put_log_level>(path,
                              {.id = "setLogLevel", .summary = "Log more or less from now on", .tag = tag});
}

}  // namespace bulkhead::ops
