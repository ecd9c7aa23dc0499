// SPDX-License-Identifier: Apache-2.0
// Which addresses a customer may make us connect to: those of the public internet, and what the operator
// allows besides. Everything that the IANA registries of special-purpose addresses name is refused
// (RFC 6890, RFC 8190), reachable or not, and all of IPv6 outside 2000::/3, so that new registrations there
// need no change here. Plain values, safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_network.hpp"

struct sockaddr;

namespace bulkhead::outbound {

/// An address with its family: ::ffff:192.0.2.1 is not 192.0.2.1 here, because nobody who is asked for a
/// public address writes it so.
struct ip_address {
    ip_bytes bytes{};  // IPv4 in its mapped form
    bool ipv6 = false;

    /// nullopt for other families than AF_INET and AF_INET6.
    [[nodiscard]] static std::optional<ip_address> from(const sockaddr& socket_address) noexcept;
    /// "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"; nullopt for anything else.
    [[nodiscard]] static std::optional<ip_address> parse(std::string_view text) noexcept;
    /// Without brackets.
    [[nodiscard]] std::string text() const;

    friend bool operator==(const ip_address&, const ip_address&) = default;
};

/// What a special address is for ("loopback", "private network"); empty for one of the public internet.
[[nodiscard]] std::string_view special_purpose(const ip_address& address);

struct address_rules {
    std::vector<ip_network> allowed{};  // although special: intranets, tests

    /// Whether connections may go there. What IPv6 maps from IPv4 (::ffff:0:0/96) never is; an address of a
    /// NAT64 (64:ff9b::/96, RFC 6052) that is allowed must embed an IPv4 address that may be called, too.
    [[nodiscard]] bool admit(const ip_address& address) const;
};

}  // namespace bulkhead::outbound
