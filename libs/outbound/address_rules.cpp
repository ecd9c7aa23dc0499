// SPDX-License-Identifier: Apache-2.0
#include "outbound/address_rules.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace bulkhead::outbound {
namespace {

constexpr std::size_t ipv4_at = 12;  // in ip_bytes, of mapped and NAT64 addresses alike

struct special_range {
    ip_network network;
    std::string_view purpose;
};

struct row {
    std::string_view network, purpose;
};

// https://www.iana.org/assignments/iana-ipv4-special-registry, and the class D and E space of
// https://www.iana.org/assignments/ipv4-address-space.
constexpr row ipv4_rows[] = {
    {"0.0.0.0/8", "this network"},             // RFC 791; 0.0.0.0 reaches the local host
    {"10.0.0.0/8", "private network"},         // RFC 1918
    {"100.64.0.0/10", "carrier's network"},    // RFC 6598
    {"127.0.0.0/8", "loopback"},               // RFC 1122
    {"169.254.0.0/16", "link-local"},          // RFC 3927; 169.254.169.254 has the secrets of cloud machines
    {"172.16.0.0/12", "private network"},      // RFC 1918
    {"192.0.0.0/24", "protocol assignments"},  // RFC 6890: DS-Lite, PCP, NAT64 discovery
    {"192.0.2.0/24", "documentation"},         // RFC 5737
    {"192.31.196.0/24", "AS112"},              // RFC 7535
    {"192.52.193.0/24", "multicast tunnelling"},  // RFC 7450
    {"192.88.99.0/24", "6to4 relay"},             // RFC 7526
    {"192.168.0.0/16", "private network"},        // RFC 1918
    {"192.175.48.0/24", "AS112"},                 // RFC 7534
    {"198.18.0.0/15", "benchmarking"},            // RFC 2544
    {"198.51.100.0/24", "documentation"},         // RFC 5737
    {"203.0.113.0/24", "documentation"},          // RFC 5737
    {"224.0.0.0/4", "multicast"},                 // RFC 5771
    {"240.0.0.0/4", "reserved"},                  // RFC 1112; 255.255.255.255 is everybody here (RFC 8190)
};

// https://www.iana.org/assignments/iana-ipv6-special-registry, and ranges that embed IPv4 addresses.
constexpr row ipv6_rows[] = {
    {"::/128", "unspecified"},               // RFC 4291
    {"::1/128", "loopback"},                 // RFC 4291
    {"::ffff:0:0/96", "IPv4-mapped"},        // RFC 4291
    {"::/96", "IPv4-compatible"},            // RFC 4291, deprecated
    {"::ffff:0:0:0/96", "IPv4-translated"},  // RFC 2765
    {"64:ff9b::/96", "NAT64"},               // RFC 6052
    {"64:ff9b:1::/48", "NAT64"},             // RFC 8215
    {"100::/64", "discard only"},            // RFC 6666
    {"2001::/32", "Teredo"},                 // RFC 4380
    {"2001:2::/48", "benchmarking"},         // RFC 5180
    {"2001:10::/28", "ORCHID"},              // RFC 4843
    {"2001:20::/28", "ORCHID"},              // RFC 7343
    {"2001::/23", "protocol assignments"},   // RFC 2928
    {"2001:db8::/32", "documentation"},      // RFC 3849
    {"2002::/16", "6to4"},                   // RFC 3056
    {"2620:4f:8000::/48", "AS112"},          // RFC 7534
    {"3ffe::/16", "6bone"},                  // RFC 3701
    {"3fff::/20", "documentation"},          // RFC 9637
    {"5f00::/16", "segment routing"},        // RFC 9602
    {"fc00::/7", "unique local"},            // RFC 4193; fd00:ec2::254 has the secrets of cloud machines
    {"fe80::/10", "link-local"},             // RFC 4291
    {"fec0::/10", "site-local"},             // RFC 3879
    {"ff00::/8", "multicast"},               // RFC 4291
};

template <std::size_t Count>
std::vector<special_range> ranges(const row (&rows)[Count]) {
    std::vector<special_range> out;
    for (const auto& [network, purpose] : rows) out.push_back({ip_network::parse(network).value(), purpose});
    return out;
}

std::string_view purpose_in(const std::vector<special_range>& table, const ip_bytes& bytes) {
    const auto found = std::ranges::find_if(
        table, [&](const special_range& range) { return range.network.contains(bytes); });
    return found == table.end() ? std::string_view{} : found->purpose;
}

/// RFC 5214 section 6.1: the interface identifier of a tunnel to the IPv4 address behind it.
bool is_isatap(const ip_bytes& bytes) {
    constexpr std::uint8_t universal_bit = 0x02;
    return (bytes[8] & ~universal_bit) == 0 && bytes[9] == 0 && bytes[10] == 0x5e && bytes[11] == 0xfe;
}

bool is_within(const ip_bytes& bytes, std::string_view network) {
    return ip_network::parse(network).value().contains(bytes);
}

}  // namespace

std::optional<ip_address> ip_address::from(const sockaddr& socket_address) noexcept {
    ip_address out;
    if (socket_address.sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &socket_address, sizeof v4);
        out.bytes[ipv4_at - 2] = out.bytes[ipv4_at - 1] = 0xff;
        std::memcpy(out.bytes.data() + ipv4_at, &v4.sin_addr, sizeof v4.sin_addr);
        return out;
    }
    if (socket_address.sa_family != AF_INET6) return std::nullopt;
    sockaddr_in6 v6{};
    std::memcpy(&v6, &socket_address, sizeof v6);
    std::memcpy(out.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
    out.ipv6 = true;
    return out;
}

std::optional<ip_address> ip_address::parse(std::string_view text) noexcept {
    const auto bytes = parse_ip(text);
    if (!bytes) return std::nullopt;
    return ip_address{.bytes = *bytes, .ipv6 = text.find(':') != std::string_view::npos};
}

std::string ip_address::text() const {
    char out[INET6_ADDRSTRLEN] = {};
    const auto* const from = ipv6 ? bytes.data() : bytes.data() + ipv4_at;
    return ::inet_ntop(ipv6 ? AF_INET6 : AF_INET, from, out, sizeof out);
}

std::string_view special_purpose(const ip_address& address) {
    static const auto ipv4 = ranges(ipv4_rows), ipv6 = ranges(ipv6_rows);
    if (!address.ipv6) return purpose_in(ipv4, address.bytes);
    if (const auto purpose = purpose_in(ipv6, address.bytes); !purpose.empty()) return purpose;
    if (is_isatap(address.bytes)) return "tunnel to an IPv4 address";
    // All that IANA hands out today (RFC 4291 section 2.4, RFC 3587).
    return is_within(address.bytes, "2000::/3") ? std::string_view{} : "not assigned";
}

bool address_rules::admit(const ip_address& address) const {
    if (special_purpose(address).empty()) return true;
    if (address.ipv6 && is_ipv4(address.bytes)) return false;
    const auto holds = [&](const ip_network& network) { return network.contains(address.bytes); };
    if (std::ranges::none_of(allowed, holds)) return false;
    if (!address.ipv6 || !is_within(address.bytes, "64:ff9b::/96")) return true;
    ip_address embedded{.bytes = parse_ip("0.0.0.0").value(), .ipv6 = false};
    std::copy(address.bytes.begin() + ipv4_at, address.bytes.end(), embedded.bytes.begin() + ipv4_at);
    return admit(embedded);
}

}  // namespace bulkhead::outbound
