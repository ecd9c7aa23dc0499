// SPDX-License-Identifier: Apache-2.0
// An HTTP server on a reactor and a port of its own, for tests. Its thread ends with it.
#pragma once

#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>

#include "http/server.hpp"
#include "raw_client.hpp"
#include "runtime/reactor.hpp"
#include "runtime/testing/on_reactor.hpp"

namespace bulkhead::testing {

class running_server {
public:
    /// `port` 0: a free one.
    running_server(const http::server_options& options, http::router routes, std::uint16_t port = 0)
        : reactor_("http"),
          port_(port ? port : free_port()),
          counts_(registry_),
          routes_(std::move(routes)),
          server_(reactor_.get_executor(), routes_, services_, options, counts_) {
        reactor_.start();
        on_reactor([&] { server_.start({"127.0.0.1", port_}); });
    }
    ~running_server() {
        reactor_.stop();
        reactor_.join();
    }

    template <class F>
    void on_reactor(F work) {
        testing::on_reactor(reactor_, std::move(work));
    }

    [[nodiscard]] raw_client connect() const { return raw_client(port_); }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    http::server& get() { return server_; }
    void drain() {
        on_reactor([&] { server_.drain(); });
    }
    void close_all() {
        on_reactor([&] { server_.close_all(); });
    }
    std::size_t open() {
        std::size_t count = 0;
        on_reactor([&] { count = server_.open_connections(); });
        return count;
    }
    /// False when `wanted` connections were not reached in time.
    bool reaches(std::size_t wanted, std::chrono::milliseconds limit = std::chrono::seconds{2}) {
        const auto until = steady_clock::now() + limit;
        while (open() != wanted) {
            if (steady_clock::now() > until) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
        return true;
    }
    [[nodiscard]] std::uint64_t answered(unsigned status_class) const {
        return counts_.responses[status_class - 1]->value();
    }
    [[nodiscard]] std::uint64_t refused() const { return counts_.refused_when_full.value(); }

    static std::uint16_t free_port() {
        net::io_context scratch;
        const tcp_acceptor any(scratch.get_executor(), {net::ip::address_v4::loopback(), 0});
        return any.local_endpoint().port();
    }

private:
    runtime::reactor reactor_;
    const std::uint16_t port_;
    metrics::registry registry_;
    http::server_metrics counts_;
    const http::router routes_;
    const http::services services_;
    http::server server_;
};

}  // namespace bulkhead::testing
