// SPDX-License-Identifier: Apache-2.0
// One connection through the chaos proxy: two sockets and the two streams between them. Belongs to the
// proxy's thread; lives as long as one of its coroutines.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "runtime/asio.hpp"
#include "support/chaos_proxy.hpp"

namespace bulkhead::testing {

/// What all connections of a proxy share.
struct chaos_weather {
    faults to_server, to_client;
    bool refusing = false;
    chaos_proxy::totals counts{};
};

class chaos_link : public std::enable_shared_from_this<chaos_link> {
public:
    chaos_link(tcp_socket client, executor ex, chaos_weather& weather);
    ~chaos_link() { --weather_.counts.open; }
    chaos_link(const chaos_link&) = delete;
    chaos_link& operator=(const chaos_link&) = delete;

    /// Connects to the server and passes bytes on until both sides have ended.
    static awaitable<void> run(std::shared_ptr<chaos_link> self, tcp::endpoint server);

    /// The faults have changed.
    void stir();
    void end(bool by_reset);

private:
    struct piece {
        steady_clock::time_point due;
        std::string bytes;
    };
    /// One direction.
    struct stream {
        stream(tcp_socket& source, tcp_socket& sink, const faults& now, std::uint64_t& seen, executor ex)
            : from(source), to(sink), weather(now), total(seen), wake(ex) {}
        tcp_socket &from, &to;
        const faults& weather;
        std::uint64_t& total;
        steady_timer wake;  // cancelled when there is something to look at again
        std::deque<piece> waiting;
        std::size_t waiting_bytes = 0;
        std::size_t read = 0;
        bool ended = false;  // the sender has
    };

    static awaitable<void> take(std::shared_ptr<chaos_link> self, stream& s);
    static awaitable<void> give(std::shared_ptr<chaos_link> self, stream& s);
    static awaitable<void> pause(stream& s, steady_clock::time_point until);
    bool pass(stream& s, std::string bytes);
    awaitable<bool> deliver(stream& s, std::string bytes);

    chaos_weather& weather_;
    tcp_socket client_, server_;
    stream up_, down_;
    bool over_ = false;
};

}  // namespace bulkhead::testing
