// SPDX-License-Identifier: Apache-2.0
// What is counted and logged of every answer of the API, for those who run it.
#pragma once

#include "config/settings.hpp"
#include "http/access_log.hpp"
#include "http/route_metrics.hpp"
#include "http/server.hpp"
#include "ops/active_users.hpp"
#include "ops/auth_metrics.hpp"

namespace bulkhead::api {

/// One for the program; outlives the reactors.
struct numbers {
    explicit numbers(metrics::registry& to) : registry(to), active_users(to) {}

    metrics::registry& registry;
    ops::active_users active_users;
};

/// The part of one reactor.
class reactor_numbers {
public:
    reactor_numbers(const config::settings& s, const http::router& routes, numbers& all)
        : access_log_({.part = s.access_log, .slow = s.slow_request}),
          by_route_(routes, all.registry),
          auth_(routes, all.registry),
          users_(all.active_users.add_reactor()) {}

    /// Makes a server count; outlives it.
    void join(http::server_options& server) {
        for (http::answer_observer* each :
             std::initializer_list<http::answer_observer*>{&access_log_, &by_route_, &auth_, &users_})
            server.observers.push_back(each);
    }

private:
    http::access_log access_log_;
    http::route_metrics by_route_;
    ops::auth_metrics auth_;
    ops::seen_users& users_;
};

}  // namespace bulkhead::api
