// SPDX-License-Identifier: Apache-2.0
#include "http/peer_connections.hpp"

#include <functional>
#include <string_view>

namespace bulkhead::http {

std::size_t peer_connections::hash::operator()(const ip_bytes& key) const noexcept {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(key.data()), key.size()});
}

std::optional<peer_connections::place> peer_connections::enter(const boost::asio::ip::address& peer) {
    if (most_ == 0 || exempt_.contain(bytes_of(peer))) return place{};
    const auto client = client_network(peer);
    const std::scoped_lock lock(guard_);
    auto& open = open_[client];
    if (open >= most_) return std::nullopt;
    ++open;
    return place(*this, client);
}

void peer_connections::leave(const ip_bytes& of) noexcept {
    const std::scoped_lock lock(guard_);
    const auto found = open_.find(of);
    if (--found->second == 0) open_.erase(found);
}

std::size_t peer_connections::clients() const {
    const std::scoped_lock lock(guard_);
    return open_.size();
}

}  // namespace bulkhead::http
