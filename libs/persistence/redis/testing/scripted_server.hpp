// SPDX-License-Identifier: Apache-2.0
// A server that says what it was told to say, for the faults that a real Redis does not show on demand. One
// thread; for tests.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "persistence/redis/endpoint.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::redis::testing {

/// Accepts connections one after the other; the n-th one plays the n-th script, the last script is repeated.
/// A script answers each read with the next of its lines and stays silent when it has none left; "" closes.
using lines = std::deque<std::string>;

struct scripted_server {
    explicit scripted_server(net::io_context& context, std::vector<lines> scripts)
        : acceptor(context.get_executor(), tcp::endpoint(net::ip::address_v4::loopback(), 0)),
          scripts_(std::move(scripts)) {
        net::co_spawn(context.get_executor(), serve(), net::detached);
    }

    awaitable<> serve() {
        while (true) {
            auto [failed, socket] = co_await acceptor.async_accept(use_tuple);
            if (failed) co_return;
            auto next = scripts_[std::min(accepted++, scripts_.size() - 1)];
            net::co_spawn(acceptor.get_executor(), play(std::move(socket), std::move(next)), net::detached);
        }
    }

    awaitable<> play(tcp_socket socket, lines left) {
        std::array<char, 65536> buffer;
        while (true) {
            const auto [failed, count] = co_await socket.async_read_some(net::buffer(buffer), use_tuple);
            if (failed) co_return;
            reads.emplace_back(buffer.data(), count);
            if (left.empty()) continue;
            const auto line = std::move(left.front());
            left.pop_front();
            if (line.empty()) co_return;
            co_await net::async_write(socket, net::buffer(line), use_tuple);
        }
    }

    redis_endpoint endpoint() { return {.port = acceptor.local_endpoint().port()}; }

    tcp_acceptor acceptor;
    std::size_t accepted = 0;
    std::vector<std::string> reads;  // what arrived, one entry per read

private:
    std::vector<lines> scripts_;
};

}  // namespace bulkhead::redis::testing
