// SPDX-License-Identifier: Apache-2.0
// Where a Redis server is and how to be let in. A plain value.
#pragma once

#include <cstdint>
#include <string>

#include "base/secret.hpp"

namespace bulkhead::redis {

struct redis_endpoint {
    std::string host = "127.0.0.1";  // name or address; unused when unix_path is set
    std::uint16_t port = 6379;
    std::string unix_path{};  // a socket file, absolute
    std::string user{};       // empty: the server's default user
    secret password{};        // empty: no AUTH
    int database = 0;
    bool tls = false;           // with a certificate valid for `host`; never together with unix_path
    std::string tls_ca_file{};  // PEM: trusts these only; empty: whom the system trusts
};

}  // namespace bulkhead::redis
