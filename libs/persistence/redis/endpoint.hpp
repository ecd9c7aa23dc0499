// SPDX-License-Identifier: Apache-2.0
// Where Redis is and how to be let in: one server, a primary that sentinels know, or a cluster. A plain
// value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/secret.hpp"

namespace bulkhead::redis {

struct redis_address {
    std::string host{};  // name or address, without brackets
    std::uint16_t port = 0;

    friend bool operator==(const redis_address&, const redis_address&) = default;
};

/// host:port, for logs and as a key.
inline std::string to_text(const redis_address& at) { return at.host + ':' + std::to_string(at.port); }

struct redis_endpoint {
    std::string host = "127.0.0.1";  // name or address; unused when unix_path or seeds are set
    std::uint16_t port = 6379;
    std::string unix_path{};  // a socket file, absolute
    std::string user{};       // empty: the server's default user
    secret password{};        // empty: no AUTH
    int database = 0;
    bool tls = false;           // with a certificate valid for `host`; never together with unix_path
    std::string tls_ca_file{};  // PEM: trusts these only; empty: whom the system trusts

    /// Whom to ask where the data is: sentinels when `service` is set, else some nodes of a cluster. Empty:
    /// the server is the one above.
    std::vector<redis_address> seeds{};
    std::string service{};        // the name that the sentinels have for the primary
    std::string sentinel_user{};  // as user and password, but towards the sentinels
    secret sentinel_password{};

    [[nodiscard]] bool by_sentinel() const noexcept { return !seeds.empty() && !service.empty(); }
    [[nodiscard]] bool is_cluster() const noexcept { return !seeds.empty() && service.empty(); }

    /// One server of those, let in with the same credentials.
    [[nodiscard]] redis_endpoint at(const redis_address& server) const {
        return {.host = server.host,
                .port = server.port,
                .user = user,
                .password = password,
                .database = database,
                .tls = tls,
                .tls_ca_file = tls_ca_file};
    }
};

}  // namespace bulkhead::redis
