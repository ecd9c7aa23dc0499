// SPDX-License-Identifier: Apache-2.0
// The HTTP server of one reactor: a listener of its own (SO_REUSEPORT spreads clients over the reactors) and
// the connections it accepted. Used on its reactor's thread only; destroyed once that thread is joined,
// before the reactor.
#pragma once

#include <array>
#include <boost/intrusive/list.hpp>
#include <memory>
#include <string>
#include <vector>

#include "http/connection.hpp"
#include "http/dispatcher.hpp"
#include "http/limits.hpp"
#include "http/peer_connections.hpp"
#include "http/request_report.hpp"
#include "http/router.hpp"
#include "http/services.hpp"
#include "http/tls.hpp"
#include "observability/metrics.hpp"
#include "runtime/deadline_list.hpp"

namespace bulkhead::http {

struct endpoint_address {
    std::string host = "127.0.0.1";  // literal IPv4 or IPv6 address
    std::uint16_t port = 0;
};

struct server_options {
    limits bounds{};
    std::size_t default_body_limit = 1 << 20;  // bytes, of routes that name none
    std::size_t max_connections = 10'000;      // of this reactor
    std::chrono::milliseconds request_deadline{5'000};
    policies applied{};
    trusted_proxies proxies{};
    peer_connections* per_client = nullptr;     // shared by the reactors; null: clients are not counted
    std::vector<answer_observer*> observers{};  // outlive the server
};

/// What the server counts. Each reactor makes a set of its own, which are shards of the same series.
struct server_metrics {
    /// `labels` tell the servers of a program apart.
    explicit server_metrics(metrics::registry& registry, std::string_view labels = {});
    metrics::counter& connections;
    metrics::counter& refused_when_full;  // connections closed at once
    metrics::counter& refused_to_client;
    metrics::counter& refused_by_failure;
    metrics::gauge& open;
    metrics::gauge& in_flight;
    metrics::counter& received_bytes;
    metrics::counter& sent_bytes;
    metrics::counter& handshakes;  // of TLS
    metrics::counter& failed_handshakes;
    std::array<metrics::counter*, 5> responses;  // by status class, 1xx first
};

/// Fails with a sentence for the operator when the address is malformed or taken. SO_REUSEPORT would let two
/// programs share a port without noticing, so this is asked before the reactors listen.
result<> check_listen(const endpoint_address& where);

class server {
public:
    server(executor ex, const router& routes, const services& provided, server_options options,
           server_metrics& counts);
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    /// From now on new connections speak TLS with this certificate; those that are open keep theirs.
    void secure_with(std::shared_ptr<const tls_context> context) noexcept { tls_ = std::move(context); }

    /// Begins to accept. Throws boost::system::system_error when the address cannot be bound.
    void start(const endpoint_address& where);

    /// Stops accepting, closes idle connections and lets the others finish their answer. Clients that have
    /// connected already, accepted or not, get an answer if their request comes within
    /// limits::quiet_before_close. Over when nothing is open and it does not listen any more.
    void drain();
    /// Cuts what is left, and logs the requests among it.
    void close_all();
    [[nodiscard]] bool draining() const noexcept { return draining_; }
    [[nodiscard]] std::size_t open_connections() const noexcept { return open_; }
    [[nodiscard]] bool listening() const noexcept { return acceptor_.is_open(); }
    /// The requests under way, at most `most` of them in full.
    [[nodiscard]] requests_report report(std::size_t most) const;

private:
    friend class connection;
    awaitable<void> accept_loop();
    void accept_backlog();
    awaitable<void> stop_listening();
    void admit(tcp_socket socket) noexcept;

    executor executor_;
    const services& services_;
    const server_options options_;
    const dispatcher dispatcher_;
    server_metrics& metrics_;
    tcp_acceptor acceptor_;
    std::shared_ptr<const tls_context> tls_;  // null: plain
    runtime::deadline_list deadlines_;
    boost::intrusive::list<connection, boost::intrusive::base_hook<connection_hook>,
                           boost::intrusive::constant_time_size<false>>
        connections_;
    std::size_t open_ = 0;
    bool draining_ = false;
};

}  // namespace bulkhead::http
