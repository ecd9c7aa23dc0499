// SPDX-License-Identifier: Apache-2.0
// One client connection: read a head, read its body, serve, write, again. Requests of a pipeline are answered
// in order and their answers leave in one write. Every wait has a deadline, every buffer a bound. Lives on
// one reactor.
#pragma once

#include <boost/intrusive/list.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/body_reader.hpp"
#include "http/exchange.hpp"
#include "http/input_buffer.hpp"
#include "http/observer.hpp"
#include "http/peer_connections.hpp"
#include "http/request_reader.hpp"
#include "http/response.hpp"
#include "http/router.hpp"
#include "http/tls_stream.hpp"
#include "runtime/deadline_list.hpp"

namespace bulkhead::http {

class server;
struct request_report;

using connection_hook =
    boost::intrusive::list_base_hook<boost::intrusive::tag<class connection_tag>,
                                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

class connection final : public runtime::deadline_entry, public connection_hook {
public:
    connection(tcp_socket socket, server& owner, peer_connections::place place);
    ~connection();

    /// Serves until either side closes. Never throws.
    static awaitable<void> run(std::unique_ptr<connection> self);

    /// The server is stopping: close if idle, otherwise after the answers to what the client has sent by now.
    void drain();
    /// Ends whatever is under way.
    void cut();

    /// What it is doing; nullopt while no request is under way.
    [[nodiscard]] std::optional<request_report> report() const;

private:
    enum class phase { handshake, idle, head, body, serving, writing, lingering };
    /// What to do after a step. finish: the last answer is queued. leave: nothing was asked. drop: there is
    /// nobody to answer.
    enum class next { go_on, finish, leave, drop };
    class under_way;
    enum class arrival { bytes, end, nothing };

    awaitable<void> converse();
    awaitable<next> agree_on_tls();
    awaitable<next> receive_head();
    awaitable<next> answer_request();
    awaitable<next> receive_body(exchange& x, const router::match& route);
    awaitable<arrival> receive();
    awaitable<bool> flush(steady_clock::time_point until = never);
    awaitable<bool> send_content();
    void reset();
    awaitable<void> linger(std::chrono::milliseconds patience);

    void keep_head(std::size_t size);
    [[nodiscard]] request_origin origin() const;
    void begin_request(std::optional<std::string_view> id_sent);
    [[nodiscard]] result<> restart_clock(exchange& x) const;
    bool skip_body();
    next refuse_head(error failure);
    next refuse(exchange& x, const error& failure);
    bool reply(exchange& x, response answer, bool keep_alive);

    void enter(phase now, steady_clock::time_point until);
    void enter_idle();
    void on_deadline() override;
    [[nodiscard]] bool may_keep_alive() const;
    [[nodiscard]] std::size_t bytes_waiting() const;

    tcp_socket socket_;
    std::unique_ptr<tls_stream> tls_;  // null: plain
    server& server_;
    const peer_connections::place place_;
    net::ip::address peer_;
    input_buffer input_;
    request_reader reader_;
    request_head head_{};
    std::string body_;
    std::string output_;
    std::shared_ptr<content_source> content_;  // of the answer whose head is queued
    std::string request_id_;
    phase phase_ = phase::writing;  // anything but idle: the first wait sets its deadline
    bool timed_out_ = false;
    unsigned served_ = 0;
    std::uint64_t received_ = 0;          // bytes, since it was opened
    std::uint64_t owed_ = 0;              // of which so many are answered although the server is stopping
    const exchange* exchange_ = nullptr;  // being served
    const route* row_ = nullptr;          // of the last request
    steady_clock::time_point quiet_since_{};
    steady_clock::time_point began_{};  // when the head of the request being answered was complete
    const steady_clock::time_point opened_ = steady_clock::now();
};

}  // namespace bulkhead::http
