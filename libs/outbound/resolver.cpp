// SPDX-License-Identifier: Apache-2.0
#include "outbound/resolver.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>

namespace bulkhead::outbound {

std::vector<ip_address> resolve_by_system(const std::string& host) {
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), nullptr, &wanted, &found) != 0) return {};
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    std::vector<ip_address> out;
    for (const auto* each = found; each; each = each->ai_next) {
        const auto address = ip_address::from(*each->ai_addr);
        if (address && std::ranges::find(out, *address) == out.end()) out.push_back(*address);
    }
    return out;
}

}  // namespace bulkhead::outbound
