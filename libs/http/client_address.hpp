// SPDX-License-Identifier: Apache-2.0
// Who a request comes from: the peer of the connection, or, where that is a proxy we trust, whoever the
// proxies say. Read-only after start-up, from any thread.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <string>
#include <vector>

#include "base/ip_network.hpp"
#include "http/exchange.hpp"

namespace bulkhead::http {

/// The bytes of an address; an IPv4 one as IPv6 maps it.
[[nodiscard]] ip_bytes bytes_of(const boost::asio::ip::address& address) noexcept;

/// What is taken for one client: an IPv4 address, or the /64 that an IPv6 host has at its disposal.
[[nodiscard]] ip_bytes client_network(const boost::asio::ip::address& client) noexcept;
/// The same as text: "192.0.2.1", "2001:db8:0:1::/64".
[[nodiscard]] std::string client_network_name(const boost::asio::ip::address& client);

class trusted_proxies {
public:
    trusted_proxies() = default;
    explicit trusted_proxies(std::vector<ip_network> networks) : networks_(std::move(networks)) {}

    [[nodiscard]] bool contain(const ip_bytes& address) const noexcept;

private:
    std::vector<ip_network> networks_;
};

/// Where a request that came from `peer` was sent. The client is the right-most address of X-Forwarded-For,
/// with the peer at its end, that is not trusted: every proxy adds the address it saw itself, so what stands
/// further left is hearsay. When the chain ends, or goes on with something that is no address, it is the last
/// one that is known. Forwarded (RFC 7239) is not read: a proxy that writes only one of the two passes on the
/// other as the client made it up. `secure`: the connection itself is; or else X-Forwarded-Proto of a trusted
/// peer says https and nothing but https.
[[nodiscard]] request_origin origin_of(const request_head& head, const boost::asio::ip::address& peer,
                                       bool secure, const trusted_proxies& proxies);

}  // namespace bulkhead::http
