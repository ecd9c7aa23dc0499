// SPDX-License-Identifier: Apache-2.0
#include "http/server.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "observability/log.hpp"
#include "runtime/backoff.hpp"

namespace bulkhead::http {
namespace {

using reuse_port = net::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

tcp::endpoint to_endpoint(const endpoint_address& where) {
    return {net::ip::make_address(where.host), where.port};
}

void listen_on(tcp_acceptor& acceptor, const endpoint_address& where, bool shared) {
    const auto endpoint = to_endpoint(where);
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp_acceptor::reuse_address(true));
    if (shared) acceptor.set_option(reuse_port(true));
    acceptor.bind(endpoint);
    acceptor.listen(tcp_acceptor::max_listen_connections);
}

metrics::counter& handshake_counter(metrics::registry& registry, std::string_view outcome) {
    return registry.add_counter("bulkhead_tls_handshakes_total", "TLS handshakes by outcome",
                                metrics::label("result", outcome));
}

metrics::counter& response_counter(metrics::registry& registry, unsigned status_class) {
    return registry.add_counter("bulkhead_http_responses_total", "Responses by status class",
                                fmt::format(R"(class="{}xx")", status_class));
}

}  // namespace

server_metrics::server_metrics(metrics::registry& registry)
    : connections(registry.add_counter("bulkhead_http_connections_total", "Connections accepted")),
      refused_connections(registry.add_counter("bulkhead_http_connections_refused_total",
                                               "Connections closed at once because too many were open")),
      handshakes(handshake_counter(registry, "done")),
      failed_handshakes(handshake_counter(registry, "failed")),
      responses{} {
    for (unsigned i = 0; i < responses.size(); ++i) responses[i] = &response_counter(registry, i + 1);
}

result<> check_listen(const endpoint_address& where) {
    error_code ec;
    net::ip::make_address(where.host, ec);
    if (ec) return fail(errc::internal, fmt::format("{} is not an IP address", where.host));
    try {
        net::io_context scratch{1};
        tcp_acceptor probe(scratch.get_executor());
        listen_on(probe, where, false);
        return {};
    } catch (const boost::system::system_error& e) {
        return fail(errc::internal,
                    fmt::format("cannot listen on {}:{}: {}", where.host, where.port, e.code().message()));
    }
}

server::server(executor ex, const router& routes, const services& provided, server_options options,
               server_metrics& counts)
    : executor_(ex),
      services_(provided),
      options_(std::move(options)),
      dispatcher_(routes, options_.applied),
      metrics_(counts),
      acceptor_(ex),
      deadlines_(ex) {}

server::~server() { deadlines_.stop(); }

void server::start(const endpoint_address& where) {
    listen_on(acceptor_, where, true);
    deadlines_.start();
    net::co_spawn(executor_, accept_loop(), net::detached);
}

awaitable<void> server::accept_loop() {
    runtime::backoff pause(std::chrono::milliseconds{5}, std::chrono::milliseconds{500});
    while (!draining_) {
        auto [ec, socket] = co_await acceptor_.async_accept(use_tuple);
        if (!ec) {
            pause.reset();
            admit(std::move(socket));
        } else if (!draining_) {
            // Out of descriptors or memory: accepting again at once would spin.
            log::warn("cannot accept a connection", {{"reason", std::string_view(ec.message())}});
            steady_timer wait(executor_, pause.next());
            co_await wait.async_wait(use_tuple);
        }
    }
}

/// Out of memory costs this client its connection, not everybody the server.
void server::admit(tcp_socket socket) noexcept try {
    metrics_.connections.add();
    if (open_ >= options_.max_connections)
        return metrics_.refused_connections.add();  // the socket closes here
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    net::co_spawn(executor_, connection::run(std::make_unique<connection>(std::move(socket), *this)),
                  net::detached);
} catch (const std::exception& e) {
    metrics_.refused_connections.add();
    log::error("cannot serve a connection", {{"reason", std::string_view(e.what())}});
}

/// Closing a listener resets the clients in its queue, who believe that they are connected.
void server::accept_backlog() {
    error_code ec;
    acceptor_.non_blocking(true, ec);
    for (int i = 0; i < tcp_acceptor::max_listen_connections && !ec; ++i) {
        tcp_socket socket(executor_);
        acceptor_.accept(socket, ec);
        if (!ec) admit(std::move(socket));
    }
}

void server::drain() {
    draining_ = true;
    accept_backlog();
    error_code ignored;
    acceptor_.close(ignored);
    for (auto it = connections_.begin(); it != connections_.end();) (it++)->drain();
}

void server::close_all() {
    for (auto& c : connections_) c.cut();
}

}  // namespace bulkhead::http
