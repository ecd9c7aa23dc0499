// SPDX-License-Identifier: Apache-2.0
#include "base/ip_network.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>

namespace bulkhead {
namespace {

constexpr unsigned ipv4_prefix = 96;
constexpr ip_bytes ipv4_space{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::optional<ip_bytes> parse_ip(std::string_view text) noexcept {
    std::array<char, INET6_ADDRSTRLEN> ended{};
    if (text.size() >= ended.size() || text.find('\0') != std::string_view::npos) return std::nullopt;
    std::ranges::copy(text, ended.begin());
    ip_bytes out = ipv4_space;
    if (::inet_pton(AF_INET, ended.data(), out.data() + ipv4_prefix / 8) == 1) return out;
    if (::inet_pton(AF_INET6, ended.data(), out.data()) == 1) return out;
    return std::nullopt;
}

bool is_ipv4(const ip_bytes& address) noexcept { return masked(address, ipv4_prefix) == ipv4_space; }

ip_bytes masked(const ip_bytes& address, unsigned bits) noexcept {
    ip_bytes out{};
    std::copy_n(address.begin(), bits / 8, out.begin());
    if (bits % 8 != 0) out[bits / 8] = static_cast<std::uint8_t>(address[bits / 8] & (0xff00U >> (bits % 8)));
    return out;
}

std::optional<ip_network> ip_network::parse(std::string_view text) noexcept {
    const auto slash = text.find('/');
    const auto address = parse_ip(text.substr(0, slash));
    if (!address) return std::nullopt;
    ip_network out{*address};
    if (slash != std::string_view::npos) {
        const auto digits = text.substr(slash + 1);
        const bool mapped = text.substr(0, slash).find(':') == std::string_view::npos;
        const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), out.bits);
        if (ec != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
        if (out.bits > (mapped ? 128 - ipv4_prefix : 128)) return std::nullopt;
        if (mapped) out.bits += ipv4_prefix;
    }
    if (masked(out.first, out.bits) != out.first) return std::nullopt;
    return out;
}

bool ip_network::contains(const ip_bytes& address) const noexcept { return masked(address, bits) == first; }

bool ip_network::is_everybody() const noexcept {
    return bits == 0 || (bits <= ipv4_prefix && contains(ipv4_space));
}

}  // namespace bulkhead
