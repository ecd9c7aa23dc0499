// SPDX-License-Identifier: Apache-2.0
// IP addresses as bytes, and ranges of them. IPv4 stands where IPv6 maps it (::ffff:0:0/96, RFC 4291 section
// 2.5.5.2), so that an address is the same whichever kind of socket it came through. Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bulkhead {

using ip_bytes = std::array<std::uint8_t, 16>;

/// "192.0.2.1" or "2001:db8::1", without brackets, port or zone; nullopt for anything else.
[[nodiscard]] std::optional<ip_bytes> parse_ip(std::string_view text) noexcept;

[[nodiscard]] bool is_ipv4(const ip_bytes& address) noexcept;

/// What its first `bits` bits say, the rest zero.
[[nodiscard]] ip_bytes masked(const ip_bytes& address, unsigned bits) noexcept;

struct ip_network {
    ip_bytes first{};
    unsigned bits = 128;  // of `first` that count; 96 more than what IPv4 says

    /// "10.0.0.0/8", "2001:db8::/32" or a single address. nullopt also when bits behind the prefix are set:
    /// whoever writes 10.0.0.1/8 means something else.
    [[nodiscard]] static std::optional<ip_network> parse(std::string_view text) noexcept;

    [[nodiscard]] bool contains(const ip_bytes& address) const noexcept;
    /// Every IPv4 address or every address there is.
    [[nodiscard]] bool is_everybody() const noexcept;

    friend bool operator==(const ip_network&, const ip_network&) = default;
};

}  // namespace bulkhead
