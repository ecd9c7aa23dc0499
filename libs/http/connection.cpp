// SPDX-License-Identifier: Apache-2.0
#include "http/connection.hpp"

#include <algorithm>
#include <exception>

#include "http/exchange.hpp"
#include "http/problem.hpp"
#include "http/request_id.hpp"
#include "http/server.hpp"
#include "observability/log.hpp"

namespace bulkhead::http {
namespace {

constexpr std::size_t initial_buffer = 8 * 1024;
constexpr std::size_t body_window = 8 * 1024;        // room to read a body through
constexpr std::size_t coalesced_output = 64 * 1024;  // answers of a pipeline wait for each other up to here
constexpr std::size_t spare_output = 64 * 1024;      // a larger output buffer is given back after use

/// The methods we serve have rows; these are known to HTTP but need an answer of their own.
response options_response(const std::string& allow) {
    response out{.code = status::no_content};
    out.header("Allow", allow);
    return out;
}

}  // namespace

connection::connection(tcp_socket socket, server& owner)
    : socket_(std::move(socket)),
      server_(owner),
      input_(initial_buffer, owner.options_.bounds.request_line + owner.options_.bounds.header_section),
      reader_(owner.options_.bounds) {
    server_.connections_.push_back(*this);
    server_.deadlines_.add(*this);
    ++server_.open_;
}

awaitable<void> connection::run(std::unique_ptr<connection> self) {
    auto& owner = self->server_;
    try {
        co_await self->converse();
    } catch (const std::exception& e) {
        log::error("connection ended by an exception", {{"reason", std::string_view(e.what())}});
    }
    self.reset();
    --owner.open_;
}

void connection::enter(phase now, steady_clock::time_point until) {
    phase_ = now;
    timed_out_ = false;
    expires_at(until);
}

void connection::on_deadline() {
    timed_out_ = true;
    socket_.cancel();
}

void connection::drain() {
    if (phase_ == phase::idle) socket_.cancel();
}

void connection::cut() {
    error_code ignored;
    socket_.close(ignored);
}

bool connection::may_keep_alive() const {
    const auto& bounds = server_.options_.bounds;
    return head_.keep_alive && !server_.draining_ && served_ < bounds.requests_per_connection &&
           steady_clock::now() - opened_ < bounds.connection_age;
}

awaitable<void> connection::converse() {
    auto what = next::keep;
    while (what == next::keep && co_await receive_head()) what = co_await answer_request();
    if (!co_await flush()) co_return;
    if (what == next::linger) co_await linger();
}

/// Reads until a whole head is there. False: the connection is over, or a refusal has been queued.
awaitable<bool> connection::receive_head() {
    const auto& bounds = server_.options_.bounds;
    reader_.reset();
    for (;;) {
        const auto outcome = reader_.read_head(input_.unused(), head_);
        if (outcome.state == progress::complete) {
            if (head_.has_body()) {
                // The body is read through the room behind the head; making room moves the head, so it is read anew.
                input_.reserve_behind(outcome.consumed, body_window);
                reader_.reset();
                (void)reader_.read_head(input_.unused(), head_);
            }
            input_.pin(outcome.consumed);
            co_return true;
        }
        if (outcome.state == progress::refused) {
            head_.clear();
            // Named: GCC 12 destroys an aggregate made inside a co_await expression twice (bug 107288).
            error failure{.code = outcome.why.code, .detail = std::string(outcome.why.detail)};
            co_await refuse(std::move(failure));
            co_return false;
        }
        if (!output_.empty() && !co_await flush()) co_return false;
        if (!reader_.started()) {
            if (server_.draining_) co_return false;
            if (phase_ != phase::idle) enter(phase::idle, steady_clock::now() + bounds.keep_alive_idle);
        } else if (phase_ != phase::head) {
            enter(phase::head, steady_clock::now() + bounds.head_timeout);
        }
        if (!co_await receive()) {
            if (timed_out_ && phase_ == phase::head) {
                head_.clear();
                error failure{.code = errc::request_timeout};
                co_await refuse(std::move(failure));
            }
            co_return false;
        }
    }
}

awaitable<bool> connection::receive() {
    const auto room = input_.room();
    if (room.empty() || timed_out_) co_return false;
    const auto [ec, count] = co_await socket_.async_read_some(net::buffer(room.data(), room.size()), use_tuple);
    if (ec) co_return false;
    input_.commit(count);
    co_return true;
}

awaitable<connection::next> connection::answer_request() {
    const auto began = steady_clock::now();
    ++served_;
    choose_request_id(request_id_, head_.find("X-Request-ID"));
    tenant_.clear();
    const auto route = server_.routes_.find(head_.method, head_.path);
    if (auto received = co_await receive_body(route); !received) {
        input_.unpin();
        co_return co_await refuse(std::move(received.error()));
    }
    enter(phase::serving, never);
    auto answer = co_await serve_guarded(route);
    const bool keep = may_keep_alive() && answer.code != status::internal_server_error;
    append(answer, keep);
    record(answer, began);
    input_.unpin();
    body_.clear();
    if (!keep) co_return next::close;
    if (output_.size() > coalesced_output && !co_await flush()) co_return next::close;
    co_return next::keep;
}

awaitable<result<>> connection::receive_body(const router::match& route) {
    const auto& bounds = server_.options_.bounds;
    const auto asked = route.found ? route.found->texts.body_limit : 0;
    body_reader reader(head_, bounds, asked ? asked : server_.options_.default_body_limit);
    const auto began = steady_clock::now();
    bool invited = !head_.expect_continue;
    std::size_t received = 0;
    for (;;) {
        const auto outcome = reader.read(input_.unused(), body_);
        input_.consume(outcome.consumed);
        received += outcome.consumed;
        if (outcome.state == progress::complete) co_return result<>{};
        if (outcome.state == progress::refused) co_return fail(outcome.why.code, std::string(outcome.why.detail));
        if (!invited) {
            // RFC 9110 section 10.1.1: only after the head was found good, and a bad route is said at once instead.
            invited = true;
            if (!route.found) co_return fail(route.allow.empty() ? errc::not_found : errc::method_not_allowed);
            output_ += "HTTP/1.1 100 Continue\r\n\r\n";
        }
        if (!output_.empty() && !co_await flush()) co_return fail(errc::request_timeout);
        const auto earned = std::chrono::milliseconds{received * 1000 / bounds.body_rate};
        enter(phase::body, began + std::min<std::chrono::milliseconds>(bounds.body_timeout + earned, bounds.body_absolute_timeout));
        if (!co_await receive()) co_return fail(errc::request_timeout);
    }
}

/// A handler that throws is a bug: logged here once, answered without details, and the connection is not trusted on.
awaitable<response> connection::serve_guarded(const router::match& route) {
    std::string reason;
    try {
        co_return co_await serve(route);
    } catch (const std::exception& e) {
        reason = e.what();
    } catch (...) {
        reason = "not a std::exception";
    }
    log::error("a handler threw", {{"request_id", std::string_view(request_id_)}, {"path", head_.path}, {"reason", std::string_view(reason)}});
    co_return problem_response({.code = errc::internal}, request_id_);
}

awaitable<response> connection::serve(const router::match& route) {
    if (!route.found) {
        if (route.allow.empty()) co_return problem_response({.code = errc::not_found}, request_id_);
        if (head_.method == verb::options) co_return options_response(route.allow);
        auto answer = problem_response({.code = errc::method_not_allowed}, request_id_);
        answer.header("Allow", route.allow);
        co_return answer;
    }
    exchange x(head_, body_, server_.services_, request_id_, runtime::deadline::in(server_.options_.request_deadline));
    for (std::size_t i = 0; i < route.parameters.size() && !route.parameters[i].empty(); ++i)
        x.set_path_parameter(i, route.parameters[i]);
    auto answer = co_await route.found->serve(x);
    tenant_ = x.tenant();
    co_return answer;
}

/// Queues the answer to something that cannot be served; the rest of what the client sends is not read as requests.
awaitable<connection::next> connection::refuse(error failure) {
    if (request_id_.empty() || served_ == 0) choose_request_id(request_id_, std::nullopt);
    const auto answer = problem_response(failure, request_id_);
    append(answer, false);
    record(answer, steady_clock::now());
    body_.clear();
    if (co_await flush()) co_await linger();
    co_return next::close;
}

void connection::append(const response& answer, bool keep_alive) {
    const auto& metrics = server_.metrics_;
    metrics.responses[static_cast<unsigned>(answer.code) / 100 - 1]->add();
    append_response(output_, answer,
                    {.version_minor = head_.version_minor,
                     .head_request = head_.method == verb::head,
                     .keep_alive = keep_alive,
                     .request_id = request_id_});
}

awaitable<bool> connection::flush() {
    const auto& bounds = server_.options_.bounds;
    const auto began = steady_clock::now();
    std::size_t sent = 0;
    while (sent < output_.size()) {
        const auto earned = std::chrono::milliseconds{sent * 1000 / bounds.write_rate};
        enter(phase::writing, began + std::min<std::chrono::milliseconds>(bounds.write_grace + earned, bounds.write_absolute_timeout));
        const auto [ec, count] =
            co_await socket_.async_write_some(net::buffer(output_.data() + sent, output_.size() - sent), use_tuple);
        if (ec) co_return false;
        sent += count;
    }
    output_.clear();
    if (output_.capacity() > spare_output) output_.shrink_to_fit();
    co_return true;
}

/// Closing while the client still sends would reset the connection and destroy the answer on its way (RFC 9112
/// section 9.6): say that we are done, then read and drop a bounded rest.
awaitable<void> connection::linger() {
    const auto& bounds = server_.options_.bounds;
    error_code ignored;
    socket_.shutdown(tcp_socket::shutdown_send, ignored);
    enter(phase::lingering, steady_clock::now() + bounds.lingering_time);
    std::array<char, 4096> scrap;
    for (std::size_t dropped = 0; dropped < bounds.lingering_bytes && !timed_out_;) {
        const auto [ec, count] = co_await socket_.async_read_some(net::buffer(scrap), use_tuple);
        if (ec) co_return;
        dropped += count;
    }
}

void connection::record(const response& answer, steady_clock::time_point began) const {
    if (!server_.options_.access_log) return;
    const auto code = static_cast<std::int64_t>(answer.code);
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began).count();
    log::info("request", {{"request_id", std::string_view(request_id_)},
                          {"tenant", std::string_view(tenant_)},
                          {"method", head_.method_text},
                          {"path", head_.path},
                          {"status", code},
                          {"bytes", static_cast<std::int64_t>(answer.content().size())},
                          {"duration_us", static_cast<std::int64_t>(micros)}});
}

}  // namespace bulkhead::http
