// SPDX-License-Identifier: Apache-2.0
#include "http/client_address.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <string_view>

#include "base/text.hpp"
#include "observability/log.hpp"

namespace bulkhead::http {
namespace {

namespace ip = boost::asio::ip;

constexpr std::string_view addresses_header = "X-Forwarded-For";
constexpr std::string_view scheme_header = "X-Forwarded-Proto";
constexpr unsigned most_hops = 32;  // a longer chain of trusted proxies is a loop
constexpr unsigned client_prefix = 64;

ip::address to_address(const ip_bytes& bytes) {
    if (!is_ipv4(bytes)) return ip::address_v6(bytes);
    ip::address_v4::bytes_type last;
    std::copy(bytes.end() - 4, bytes.end(), last.begin());
    return ip::address_v4(last);
}

bool is_port(std::string_view text) {
    return !text.empty() && text.size() <= 5 &&
           std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// An element of X-Forwarded-For. There is no standard: addresses come with and without brackets and ports.
std::optional<ip_bytes> parse_hop(std::string_view text) {
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        const auto rest = text.substr(close + 1);
        if (!rest.empty() && !(rest.front() == ':' && is_port(rest.substr(1)))) return std::nullopt;
        const auto inside = text.substr(1, close - 1);
        return inside.find(':') == std::string_view::npos ? std::nullopt : parse_ip(inside);
    }
    const auto colon = text.find(':');
    const bool has_port =
        colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
    if (has_port && !is_port(text.substr(colon + 1))) return std::nullopt;
    return parse_ip(has_port ? text.substr(0, colon) : text);
}

/// The elements of all lines with a name, from the last one to the first. Empty ones are none (RFC 9110
/// section 5.6.1.2).
class elements_backwards {
public:
    elements_backwards(const request_head& head, std::string_view name)
        : lines_(head.headers()), name_(name), next_(lines_.size()) {}

    std::optional<std::string_view> next() {
        for (;;) {
            while (!line_) {
                if (next_ == 0) return std::nullopt;
                if (const auto& line = lines_[--next_]; iequals(line.name, name_)) line_ = line.value;
            }
            const auto comma = line_->rfind(',');
            const bool first = comma == std::string_view::npos;
            const auto element = trim(first ? *line_ : line_->substr(comma + 1));
            line_ = first ? std::nullopt : std::optional(line_->substr(0, comma));
            if (!element.empty()) return element;
        }
    }

private:
    std::span<const header> lines_;
    std::string_view name_;
    std::size_t next_;
    std::optional<std::string_view> line_;
};

ip_bytes client_behind(const request_head& head, ip_bytes peer, const trusted_proxies& proxies) {
    elements_backwards chain(head, addresses_header);
    auto client = peer;
    for (unsigned hops = 0; hops < most_hops && proxies.contain(client); ++hops) {
        const auto element = chain.next();
        const auto address = element ? parse_hop(*element) : std::nullopt;
        if (!address) break;
        client = *address;
    }
    return client;
}

bool says_https(const request_head& head) {
    elements_backwards schemes(head, scheme_header);
    bool any = false;
    while (const auto scheme = schemes.next()) {
        if (!iequals(*scheme, "https")) return false;
        any = true;
    }
    return any;
}

bool is_internal(const ip::address& peer) {
    static const trusted_proxies internal([] {
        std::vector<ip_network> out;
        for (const auto* const text :
             {"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1", "fc00::/7"})
            out.push_back(*ip_network::parse(text));
        return out;
    }());
    return internal.contain(bytes_of(peer));
}

/// What looks like a proxy of the house that the operator has forgotten: all of its clients are one to us.
void warn_once(const request_head& head, const ip::address& peer) {
    static std::atomic<bool> warned = false;
    if (warned.load(std::memory_order_relaxed) || !is_internal(peer) || !head.find(addresses_header)) return;
    if (warned.exchange(true)) return;
    log::warn("X-Forwarded-For is ignored: TRUSTED_PROXIES does not name the peer that sends it",
              {{"peer", peer.to_string()}});
}

}  // namespace

ip_bytes bytes_of(const ip::address& address) noexcept {
    if (address.is_v6()) return address.to_v6().to_bytes();
    ip_bytes out{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    std::ranges::copy(address.to_v4().to_bytes(), out.end() - 4);
    return out;
}

ip_bytes client_network(const ip::address& client) noexcept {
    const auto bytes = bytes_of(client);
    return is_ipv4(bytes) ? bytes : masked(bytes, client_prefix);
}

std::string client_network_name(const ip::address& client) {
    const auto network = client_network(client);
    auto out = to_address(network).to_string();
    if (!is_ipv4(network)) out += "/64";
    return out;
}

bool trusted_proxies::contain(const ip_bytes& address) const noexcept {
    return std::ranges::any_of(networks_, [&](const auto& each) { return each.contains(address); });
}

request_origin origin_of(const request_head& head, const ip::address& peer, bool secure,
                         const trusted_proxies& proxies) {
    const auto bytes = bytes_of(peer);
    if (!proxies.contain(bytes)) {
        warn_once(head, peer);
        return {.client = to_address(bytes), .secure = secure};
    }
    return {.client = to_address(client_behind(head, bytes, proxies)), .secure = secure || says_https(head)};
}

}  // namespace bulkhead::http
