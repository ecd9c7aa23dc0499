// SPDX-License-Identifier: Apache-2.0
// How many connections each client has open, over all reactors of the process: nobody may take all of them.
// Safe from any thread: locked when a connection opens and closes, never for a request. Outlives the servers
// that use it.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "http/client_address.hpp"

namespace bulkhead::http {

class peer_connections {
public:
    /// At most `most` connections from one IPv4 address or IPv6 /64; 0: any number. `exempt` are not counted.
    peer_connections(std::size_t most, trusted_proxies exempt) : most_(most), exempt_(std::move(exempt)) {}
    peer_connections(const peer_connections&) = delete;
    peer_connections& operator=(const peer_connections&) = delete;

    /// One connection's, as long as it is open.
    class place {
    public:
        place() = default;  // of a connection that is not counted
        place(place&& other) noexcept : in_(std::exchange(other.in_, nullptr)), of_(other.of_) {}
        place& operator=(place&&) = delete;
        ~place() {
            if (in_) in_->leave(of_);
        }

    private:
        friend class peer_connections;
        place(peer_connections& in, const ip_bytes& of) : in_(&in), of_(of) {}

        peer_connections* in_ = nullptr;
        ip_bytes of_{};
    };

    /// nullopt: the peer has as many as it may have.
    [[nodiscard]] std::optional<place> enter(const boost::asio::ip::address& peer);

    /// Clients with a connection now.
    [[nodiscard]] std::size_t clients() const;

private:
    struct hash {
        std::size_t operator()(const ip_bytes& key) const noexcept;
    };
    void leave(const ip_bytes& of) noexcept;

    const std::size_t most_;
    const trusted_proxies exempt_;
    mutable std::mutex guard_;
    std::unordered_map<ip_bytes, std::size_t, hash> open_;  // as many entries as connections, at most
};

}  // namespace bulkhead::http
