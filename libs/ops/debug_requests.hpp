// SPDX-License-Identifier: Apache-2.0
// GET /debug/requests: what this process is doing right now, the oldest first. Gathered from all reactors
// when asked. Names users and clients, so for the operator's port only.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "http/router.hpp"
#include "http/server.hpp"
#include "schema/schema.hpp"

namespace bulkhead::ops {

struct request_line {
    std::string id;  // empty: the head is not complete
    std::int64_t age_ms = 0;
    std::string phase;  // http::request_phase
    std::string method;
    std::string route;  // the pattern; empty: none serves it
    std::string tenant;
    std::string user;
    std::string client;  // IP address
    std::int64_t reactor = 0;
};
BOOST_DESCRIBE_STRUCT(request_line, (), (id, age_ms, phase, method, route, tenant, user, client, reactor))

struct phase_counts {
    std::int64_t head = 0, body = 0, serving = 0, writing = 0;
};
BOOST_DESCRIBE_STRUCT(phase_counts, (), (head, body, serving, writing))

struct requests_page {
    std::int64_t connections = 0;  // open ones, idle or not
    phase_counts phases{};
    std::int64_t silent_reactors = 0;  // that did not answer within a second; they are missing in all sums
    std::vector<request_line> requests{};
    std::int64_t left_out = 0;  // requests that are not listed
};
BOOST_DESCRIBE_STRUCT(requests_page, (), (connections, phases, silent_reactors, requests, left_out))

class debug_requests {
public:
    static constexpr std::size_t most_lines = 200;

    /// While the program is wired; the server must live as long as the reactors run.
    void add(executor home, const http::server& server);

    /// On the reactor that serves the page.
    [[nodiscard]] awaitable<requests_page> collect() const;

private:
    struct answer {
        std::size_t connections = 0;
        http::requests_report report{};
    };
    std::vector<executor> reactors_;
    std::vector<const http::server*> servers_;
};

/// The handler uses the service ops::debug_requests.
void mount_debug_requests(http::router& routes);

}  // namespace bulkhead::ops
