// SPDX-License-Identifier: Apache-2.0
// Where Redis is, split from a URL: a server, sentinels, or a cluster. Plain functions, safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/secret.hpp"

namespace bulkhead {

struct redis_endpoint {
    std::string host{};       // name or address, without brackets; empty for a Unix socket
    std::uint16_t port = 0;   // 0 for a Unix socket
    std::string unix_path{};  // empty for TCP
    std::string user{};       // empty: the default user
    secret password{};        // empty: no AUTH
    int database = 0;         // SELECT this one
    bool tls = false;

    /// Sentinels when `service` is set, else nodes of a cluster: host and port of each. Empty: the server is
    /// the one above; else `host` is empty.
    std::vector<std::pair<std::string, std::uint16_t>> seeds{};
    std::string service{};        // the name that the sentinels have for the primary
    std::string sentinel_user{};  // towards the sentinels; empty: the default user
    secret sentinel_password{};   // empty: no AUTH there

    friend bool operator==(const redis_endpoint&, const redis_endpoint&) = delete;  // holds a secret
};

/// redis://[[user]:password@]host[:port][/db], rediss:// for TLS, unix://[[user]:password@]/path[?db=n]. A
/// lone name before the @ is the user. `?db=n` works everywhere. Port 6379 and database 0 by default; user,
/// password and path are percent-decoded.
/// redis+sentinel://[[user]:password@]host[:26379],…/service[/db][?sentinel_user=u&sentinel_password=p] and
/// redis+cluster://[[user]:password@]host[:6379],…, both also as rediss+…: one to 32 addresses.
/// errc::validation_failed for all else; the detail never repeats the URL.
result<redis_endpoint> parse_redis_url(std::string_view url);

}  // namespace bulkhead
