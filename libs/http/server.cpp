// SPDX-License-Identifier: Apache-2.0
#include "http/server.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "http/shortage.hpp"
#include "http/turn_away.hpp"
#include "observability/log.hpp"
#include "runtime/backoff.hpp"
#include "runtime/or_die.hpp"

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

constexpr std::size_t cut_requests_logged = 100;

std::int64_t age_ms(const request_report& of) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - of.began).count();
}

metrics::counter& refusal_counter(metrics::registry& to, std::string_view labels, std::string_view reason) {
    return to.add_counter(
        "bulkhead_http_connections_refused_total", "Connections closed at once",
        fmt::format("{}{}{}", labels, labels.empty() ? "" : ",", metrics::label("reason", reason)));
}

/// Handshakes that have begun when a listener stops are over by then.
constexpr std::chrono::milliseconds handshake_time{50};

}  // namespace

server_metrics::server_metrics(metrics::registry& to, std::string_view labels)
    : connections(to.add_counter("bulkhead_http_connections_total", "Connections accepted", labels)),
      refused_when_full(refusal_counter(to, labels, "full")),
      refused_to_client(refusal_counter(to, labels, "client")),
      refused_by_failure(refusal_counter(to, labels, "failure")),
      open(to.add_gauge("bulkhead_http_connections_open", "Connections that are open", labels)),
      in_flight(to.add_gauge("bulkhead_http_requests_in_flight", "Requests under way", labels)),
      received_bytes(to.add_counter("bulkhead_http_received_bytes_total", "Bytes that clients sent", labels)),
      sent_bytes(to.add_counter("bulkhead_http_sent_bytes_total", "Bytes sent to clients", labels)),
      handshakes(handshake_counter(to, "done")),
      failed_handshakes(handshake_counter(to, "failed")),
      responses{} {
    for (unsigned i = 0; i < responses.size(); ++i)
        responses[i] =
            &to.add_counter("bulkhead_http_responses_total", "Responses by status class",
                            fmt::format(R"({}{}class="{}xx")", labels, labels.empty() ? "" : ",", i + 1));
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
    net::co_spawn(executor_, accept_loop(), or_die);
}

awaitable<void> server::accept_loop() {
    runtime::backoff pause(std::chrono::milliseconds{5}, std::chrono::milliseconds{100});
    shortage lack;
    while (listening()) {
        auto [ec, socket] = co_await acceptor_.async_accept(use_tuple);
        if (!ec) {
            pause.reset();
            lack.end();
            admit(std::move(socket));
        } else if (listening()) {
            // Out of descriptors or memory: accepting again at once would spin.
            lack.begin(ec);
            if (lack.lasts()) metrics_.refused_when_full.add(lack.turn_away(acceptor_));
            steady_timer wait(executor_, pause.next());
            co_await wait.async_wait(use_tuple);
        }
    }
}

/// Out of memory costs this client its connection, not everybody the server.
void server::admit(tcp_socket socket) noexcept try {
    metrics_.connections.add();
    if (open_ >= options_.max_connections) return metrics_.refused_when_full.add();  // the socket closes here
    error_code ignored;
    auto place = options_.per_client ? options_.per_client->enter(socket.remote_endpoint(ignored).address())
                                     : std::optional<peer_connections::place>(std::in_place);
    if (!place) return metrics_.refused_to_client.add();
    socket.set_option(tcp::no_delay(true), ignored);
    auto client = std::make_unique<connection>(std::move(socket), *this, *std::move(place));
    // It tells of its exceptions; one of telling is this client's trouble too.
    net::co_spawn(executor_, connection::run(std::move(client)), net::detached);
} catch (const std::exception& e) {
    metrics_.refused_by_failure.add();
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

awaitable<void> server::stop_listening() {
    steady_timer wait(executor_, handshake_time);
    co_await wait.async_wait(use_tuple);
    accept_backlog();
    error_code ignored;
    acceptor_.close(ignored);
}

void server::drain() {
    if (std::exchange(draining_, true)) return;
    if (listening()) {
        turn_new_clients_away(acceptor_.native_handle());
        accept_backlog();
        net::co_spawn(executor_, stop_listening(), or_die);
    }
    for (auto it = connections_.begin(); it != connections_.end();) (it++)->drain();
}

requests_report server::report(std::size_t most) const {
    requests_report out;
    for (const auto& each : connections_) {
        auto request = each.report();
        if (!request) continue;
        ++out.in_phase[static_cast<std::size_t>(request->phase)];
        out.oldest.push_back(*std::move(request));
    }
    const auto kept = std::min(most, out.oldest.size());
    std::ranges::partial_sort(out.oldest, out.oldest.begin() + static_cast<std::ptrdiff_t>(kept), {},
                              &request_report::began);
    out.oldest.resize(kept);
    return out;
}

void server::close_all() {
    for (const auto& each : report(cut_requests_logged).oldest)
        log::warn("request cut", {{"request_id", each.id},
                                  {"tenant", each.tenant},
                                  {"route", each.row ? each.row->path : std::string_view()},
                                  {"phase", request_phase_names[static_cast<std::size_t>(each.phase)]},
                                  {"age_ms", age_ms(each)}});
    for (auto& c : connections_) c.cut();
}

}  // namespace bulkhead::http
