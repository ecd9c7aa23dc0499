// SPDX-License-Identifier: Apache-2.0
#include "http/connection.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "http/server.hpp"
#include "observability/log.hpp"

namespace bulkhead::http {
namespace {

constexpr std::size_t initial_buffer = 8 * 1024;
constexpr std::size_t body_window = 4 * 1024;  // room to read a body through, at least
constexpr std::size_t idle_text = 8 * 1024;    // what an idle connection keeps of its body and output buffers

/// No head that passes the limits is longer: a full buffer always means a complete or a refused head.
std::size_t longest_head(const limits& bounds) {
    constexpr std::size_t line_end = 2;
    return bounds.leading_blank_lines * line_end + bounds.request_line + line_end + bounds.header_section;
}

void give_back(std::string& text) {
    text.clear();
    if (text.capacity() > idle_text) text.shrink_to_fit();
}

}  // namespace

connection::connection(tcp_socket socket, server& owner, peer_connections::place place)
    : socket_(std::move(socket)),
      server_(owner),
      place_(std::move(place)),
      input_(initial_buffer, longest_head(owner.options_.bounds)),
      reader_(owner.options_.bounds) {
    error_code unknown;  // gone already
    peer_ = socket_.remote_endpoint(unknown).address();
    if (owner.tls_) tls_ = std::make_unique<tls_stream>(socket_, *owner.tls_, timed_out_);
    server_.connections_.push_back(*this);
    server_.deadlines_.add(*this);
    ++server_.open_;
    server_.metrics_.open.add(1);
}

connection::~connection() {
    // A frame that a stopped reactor never resumed may outlive the server, which has unlinked it then.
    if (!connection_hook::is_linked()) return;
    --server_.open_;
    server_.metrics_.open.add(-1);
}

awaitable<void> connection::run(std::unique_ptr<connection> self) {
    try {
        co_await self->converse();
    } catch (const std::exception& e) {
        log::error("connection ended by an exception", {{"reason", std::string_view(e.what())}});
    }
}

void connection::enter(phase now, steady_clock::time_point until) {
    phase_ = now;
    timed_out_ = false;
    expires_at(until);
}

/// The first thing an idle connection does is to give back what a large request or answer made it allocate.
void connection::enter_idle() {
    give_back(body_);
    give_back(output_);
    input_.shrink(initial_buffer);
    const auto& bounds = server_.options_.bounds;
    quiet_since_ = steady_clock::now();
    enter(phase::idle,
          quiet_since_ + (server_.draining_ ? bounds.quiet_before_close : bounds.keep_alive_idle));
}

void connection::on_deadline() {
    if (phase_ == phase::idle && bytes_waiting() > 0)
        return expires_at(steady_clock::now());  // look again next time
    timed_out_ = true;
    error_code ignored;  // closed already, when it was cut
    socket_.cancel(ignored);
}

void connection::drain() {
    // As TLS sends them these are more than a client has said: see may_keep_alive().
    owed_ = received_ + bytes_waiting() + (tls_ && tls_->holds_bytes() ? 1 : 0);
    if (phase_ != phase::idle) return;
    const auto now = steady_clock::now();
    const auto until = (owed_ > received_ ? now : quiet_since_) + server_.options_.bounds.quiet_before_close;
    expires_at(until);
    if (until <= now) on_deadline();
}

void connection::cut() {
    error_code ignored;
    socket_.close(ignored);
}

/// A busy reactor may not have seen yet what the client sent in time.
std::size_t connection::bytes_waiting() const {
    error_code ec;
    const auto count = socket_.available(ec);
    return ec ? 0 : count;
}

bool connection::may_keep_alive() const {
    const auto& bounds = server_.options_.bounds;
    if (!head_.keep_alive || served_ >= bounds.requests_per_connection) return false;
    // A pipeline that was here before we began to stop is answered to its end.
    if (server_.draining_)
        return received_ - input_.unused().size() < owed_ &&
               (!input_.empty() || bytes_waiting() > 0 || (tls_ && tls_->holds_bytes()));
    return steady_clock::now() - opened_ < bounds.connection_age;
}

awaitable<void> connection::converse() {
    auto then = next::go_on;
    if (tls_) then = co_await agree_on_tls();
    while (then == next::go_on) {
        then = co_await receive_head();
        if (then == next::go_on) then = co_await answer_request();
    }
    if (then == next::drop) {
        if (tls_ && socket_.is_open()) tls_->close_at_once();
        co_return;
    }
    const auto& bounds = server_.options_.bounds;
    if (then == next::leave) co_return co_await linger(bounds.quiet_before_close);
    const bool sent = co_await flush();
    if (sent) co_await linger(bounds.lingering_time);
}

/// Comes before any byte of HTTP.
awaitable<connection::next> connection::agree_on_tls() {
    auto& counts = server_.metrics_;
    enter(phase::handshake, opened_ + server_.options_.bounds.handshake_timeout);
    const auto [failed, none] = co_await tls_->handshake();
    (failed ? counts.failed_handshakes : counts.handshakes).add();
    if (!failed) co_return next::go_on;
    log::debug("no TLS was agreed on", {{"client", peer_.to_string()}, {"reason", failed.message()}});
    if (timed_out_ || !socket_.is_open()) co_return next::drop;
    if (!tls_->was_plain_http()) co_return next::finish;  // so that the alert arrives
    tls_.reset();
    co_return refuse_head({.code = errc::malformed_request, .detail = "this port speaks HTTPS only"});
}

request_origin connection::origin() const {
    return origin_of(head_, peer_, tls_ != nullptr, server_.options_.proxies);
}

/// Reads until a whole head is there.
awaitable<connection::next> connection::receive_head() {
    const auto& bounds = server_.options_.bounds;
    reader_.reset();
    for (;;) {
        const auto outcome = reader_.read_head(input_.unused(), head_);
        if (outcome.state == progress::complete) {
            keep_head(outcome.consumed);
            co_return next::go_on;
        }
        if (outcome.state == progress::refused)
            co_return refuse_head({.code = outcome.why.code, .detail = std::string(outcome.why.detail)});
        if (!output_.empty() && !co_await flush()) co_return next::drop;
        if (reader_.started()) {
            if (phase_ != phase::head) enter(phase::head, steady_clock::now() + bounds.head_timeout);
        } else {
            if (phase_ != phase::idle) enter_idle();
        }
        const auto got = co_await receive();
        if (got == arrival::bytes) continue;
        if (timed_out_ && phase_ == phase::idle) co_return next::leave;
        if (timed_out_ && phase_ == phase::head) co_return refuse_head({.code = errc::request_timeout});
        co_return next::drop;
    }
}

/// The head stays where it is while its body is read through the room behind it.
void connection::keep_head(std::size_t size) {
    if (head_.has_body() && input_.reserve_behind(size, body_window))
        (void)reader_.read_head(input_.unused(), head_);  // it has moved: take the views again
    input_.pin(size);
}

awaitable<connection::arrival> connection::receive() {
    const auto room = input_.room();
    if (room.empty() || timed_out_) co_return arrival::nothing;
    io_outcome got;
    if (tls_)
        got = co_await tls_->read_some(room);
    else
        got = co_await socket_.async_read_some(net::buffer(room.data(), room.size()), use_tuple);
    const auto& [ec, count] = got;
    if (ec) co_return ec == net::error::eof ? arrival::end : arrival::nothing;
    input_.commit(count);
    received_ += count;
    server_.metrics_.received_bytes.add(count);
    co_return arrival::bytes;
}

/// The kernel would keep what the client does not read for minutes.
void connection::reset() {
    error_code ignored;
    socket_.set_option(net::socket_base::linger(true, 0), ignored);
    cut();
}

/// Writes out all that is queued. False: it could not be; nothing more may be written.
awaitable<bool> connection::flush(steady_clock::time_point until) {
    const auto& bounds = server_.options_.bounds;
    const auto began = steady_clock::now();
    std::size_t sent = 0;
    while (sent < output_.size()) {
        const auto earned = std::chrono::milliseconds{sent * 1000 / bounds.write_rate};
        const auto patience =
            std::min<std::chrono::milliseconds>(bounds.write_grace + earned, bounds.write_absolute_timeout);
        enter(phase::writing, std::min(until, began + patience));
        const auto rest = std::string_view(output_).substr(sent);
        io_outcome written;
        if (tls_)
            written = co_await tls_->write_some(rest);
        else
            written = co_await socket_.async_write_some(net::buffer(rest), use_tuple);
        const auto& [ec, count] = written;
        if (ec) {
            reset();
            co_return false;
        }
        sent += count;
        server_.metrics_.sent_bytes.add(count);
    }
    output_.clear();
    co_return true;
}

/// Closing while the client still sends would reset the connection and destroy the answer on its way (RFC
/// 9112 section 9.6): say that we are done, then read and drop a bounded rest.
awaitable<void> connection::linger(std::chrono::milliseconds patience) {
    const auto& bounds = server_.options_.bounds;
    if (tls_) {
        enter(phase::writing, steady_clock::now() + bounds.write_grace);
        co_await tls_->close_notify();
    }
    error_code ignored;
    socket_.shutdown(tcp_socket::shutdown_send, ignored);
    enter(phase::lingering, steady_clock::now() + patience);
    std::array<char, 4096> scrap;
    for (std::size_t dropped = 0; dropped < bounds.lingering_bytes && !timed_out_;) {
        const auto [ec, count] = co_await socket_.async_read_some(net::buffer(scrap), use_tuple);
        if (ec) co_return;
        dropped += count;
    }
}

}  // namespace bulkhead::http
