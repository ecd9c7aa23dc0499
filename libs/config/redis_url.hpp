// SPDX-License-Identifier: Apache-2.0
// Where a Redis server is, split from a URL. Plain functions, safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

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

    friend bool operator==(const redis_endpoint&, const redis_endpoint&) = delete;  // holds a secret
};

/// redis://[[user]:password@]host[:port][/db], rediss:// for TLS, unix://[[user]:password@]/path[?db=n]. A
/// lone name before the @ is the user. `?db=n` works everywhere. Port 6379 and database 0 by default; user,
/// password and path are percent-decoded. errc::validation_failed for all else; the detail never repeats the
/// URL.
result<redis_endpoint> parse_redis_url(std::string_view url);

}  // namespace bulkhead
