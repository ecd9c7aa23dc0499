// SPDX-License-Identifier: Apache-2.0
#include "clients.hpp"

namespace bulkhead::api {
namespace {

constexpr std::size_t usual_connections = 100;

std::vector<ratelimit::window> windows_of(const std::vector<config::rate_window>& from) {
    std::vector<ratelimit::window> out;
    for (const auto& each : from) out.push_back({.count = each.count, .length = each.length});
    return out;
}

/// Who may have any number of connections. Unless the operator says otherwise, whoever is on this machine is
/// among them: most likely it is a proxy.
http::trusted_proxies without_limit(const config::settings& from) {
    auto out = from.trusted_proxies;
    if (!from.max_connections_per_ip)
        for (const auto* const loopback : {"127.0.0.0/8", "::1"}) out.push_back(*ip_network::parse(loopback));
    return http::trusted_proxies(std::move(out));
}

}  // namespace

clients::clients(const config::settings& from, metrics::registry& numbers)
    : proxies(from.trusted_proxies),
      connections(from.max_connections_per_ip.value_or(usual_connections), without_limit(from)),
      rates{.general = {"default", windows_of(from.rate_limit)},
            .auth = {"auth", windows_of(from.rate_limit_auth)}},
      local(numbers) {
    numbers.add_gauge_sampler("bulkhead_http_clients", "Addresses with a connection that counts for them",
                              [this] { return static_cast<double>(connections.clients()); });
}

}  // namespace bulkhead::api
