// SPDX-License-Identifier: Apache-2.0
// The part of a connection that serves: from a head that is there to an answer that is queued. How bytes come
// and go, and when the connection ends, is in connection.cpp.
#include <algorithm>
#include <exception>
#include <utility>

#include "base/type_name.hpp"
#include "http/connection.hpp"
#include "http/problem.hpp"
#include "http/request_id.hpp"
#include "http/request_report.hpp"
#include "http/request_timeout.hpp"
#include "http/server.hpp"
#include "observability/log.hpp"

namespace bulkhead::http {
namespace {

constexpr std::size_t coalesced_output = 64 * 1024;  // answers of a pipeline wait for each other up to here

}  // namespace

/// Counts a request while it is served, and shows it to report().
class connection::under_way {
public:
    under_way(connection& on, const exchange& x) : connection_(on) {
        on.exchange_ = &x;
        on.server_.metrics_.in_flight.add(1);
    }
    ~under_way() {
        connection_.exchange_ = nullptr;
        if (connection_.connection_hook::is_linked())  // else the server is gone: see ~connection
            connection_.server_.metrics_.in_flight.add(-1);
    }
    under_way(const under_way&) = delete;
    under_way& operator=(const under_way&) = delete;

private:
    connection& connection_;
};

void connection::begin_request(std::optional<std::string_view> id_sent) {
    began_ = steady_clock::now();
    choose_request_id(request_id_, id_sent);
}

awaitable<connection::next> connection::answer_request() {
    ++served_;
    begin_request(head_.find("X-Request-ID"));
    exchange x(head_, server_.services_, request_id_, origin(),
               runtime::deadline(began_ + server_.options_.request_deadline));
    const auto& stages = server_.dispatcher_;
    const under_way counted(*this, x);
    const auto route = stages.find(x);
    row_ = x.row();
    enter(phase::serving, never);
    auto answer = co_await stages.before_body(x, route);
    bool keep = true;
    if (answer) {
        keep = skip_body();
    } else {
        if (const auto then = co_await receive_body(x, route); then != next::go_on) co_return then;
        x.set_body(body_);
        enter(phase::serving, never);
        if (const auto timely = restart_clock(x))
            answer = co_await stages.serve(x, route);
        else
            answer = problem_response(timely.error(), request_id_);
        const auto large = stages.encode(x, *answer);
        if (large != coding::identity) co_await stages.encode_elsewhere(large, *answer);
        keep = answer->code != status::internal_server_error;  // a bug: not trusted on
    }
    const bool more = reply(x, *std::move(answer), keep && may_keep_alive());
    if (content_ && !co_await send_content()) co_return next::drop;
    if (!more) co_return next::finish;
    input_.unpin();
    body_.clear();
    if (output_.size() > coalesced_output && !co_await flush()) co_return next::drop;
    co_return next::go_on;
}

/// The time that a body took on its way was not ours to work in; the client's patience counts it all the
/// same.
result<> connection::restart_clock(exchange& x) const {
    if (!head_.has_body()) return {};
    x.set_deadline(runtime::deadline::in(server_.options_.request_deadline));
    return limit_time(x, began_);
}

/// A body that nobody wants is dropped if it is here already. False: it is not, and it is not waited for.
bool connection::skip_body() {
    if (!head_.has_body()) return true;
    if (head_.chunked || *head_.content_length > input_.unused().size()) return false;
    input_.consume(*head_.content_length);
    return true;
}

awaitable<connection::next> connection::receive_body(exchange& x, const router::match& route) {
    const auto& bounds = server_.options_.bounds;
    const auto asked = route.found ? route.found->texts.body_limit : 0;
    body_reader reader(head_, bounds, asked ? asked : server_.options_.default_body_limit);
    bool invited = !head_.expect_continue;
    std::size_t received = 0;
    for (;;) {
        const auto outcome = reader.read(input_.unused(), body_);
        input_.consume(outcome.consumed);
        received += outcome.consumed;
        if (outcome.state == progress::complete) co_return next::go_on;
        if (outcome.state == progress::refused)
            co_return refuse(x, {.code = outcome.why.code, .detail = std::string(outcome.why.detail)});
        if (!std::exchange(invited, true)) {
            // RFC 9110 section 10.1.1: the client is asked for its body only if the path wants one.
            if (!route.found) {
                reply(x, dispatcher::unrouted(x, route), false);
                co_return next::finish;
            }
            output_ += "HTTP/1.1 100 Continue\r\n\r\n";
            server_.metrics_.responses[0]->add();
        }
        if (!output_.empty() && !co_await flush()) co_return next::drop;
        const auto earned = std::chrono::milliseconds{received * 1000 / bounds.body_rate};
        enter(phase::body, began_ + std::min<std::chrono::milliseconds>(bounds.body_timeout + earned,
                                                                        bounds.body_absolute_timeout));
        const auto got = co_await receive();
        if (got == arrival::bytes) continue;
        if (timed_out_) co_return refuse(x, {.code = errc::request_timeout});
        if (got == arrival::nothing) co_return next::drop;
        co_return refuse(x, {.code = errc::malformed_request, .detail = "the body ended early"});
    }
}

/// A head that is broken or late: nothing in it can be relied on, and its views may point anywhere.
connection::next connection::refuse_head(error failure) {
    head_.clear();
    row_ = nullptr;
    if (input_.unused().starts_with("HEAD ")) head_.method = verb::head;  // else it would get content
    begin_request(std::nullopt);
    exchange x(head_, server_.services_, request_id_, origin(), runtime::deadline(began_));
    return refuse(x, failure);
}

/// Queues the answer to something that cannot be served; the rest of what the client sends is not read as
/// requests.
connection::next connection::refuse(exchange& x, const error& failure) {
    log::debug("request refused", {{"request_id", request_id_}, {"reason", failure.detail}});
    reply(x, problem_response(failure, request_id_), false);
    return next::finish;
}

/// Queues an answer and tells those who want to know. False: it is the last one.
bool connection::reply(exchange& x, response answer, bool keep_alive) {
    server_.dispatcher_.finish(x, answer);
    framing how{.version_minor = head_.version_minor,
                .head_request = head_.method == verb::head,
                .keep_alive = keep_alive,
                .secure = x.origin().secure,
                .request_id = request_id_};
    const auto before = output_.size();
    try {
        append_response(output_, answer, how);
    } catch (const std::exception& e) {  // its handler has a bug, as if it had thrown
        x.log().error("an answer cannot be sent", {{"path", head_.path}, {"reason", e.what()}});
        x.set_failure({.type = type_name(e), .reason = e.what()});
        output_.resize(before);
        how.keep_alive = false;
        answer = problem_response({.code = errc::internal}, request_id_);
        server_.dispatcher_.finish(x, answer);
        append_response(output_, answer, how);
    }
    const bool sends_content = answer.source && !how.head_request && may_have_content(answer.code);
    if (sends_content) content_ = answer.source;
    const answered what{.head = head_,
                        .row = x.row(),
                        .request_id = request_id_,
                        .tenant = x.tenant(),
                        .user = x.user(),
                        .answer = answer,
                        .bytes = output_.size() - before + (sends_content ? answer.content_size() : 0),
                        .duration = steady_clock::now() - began_,
                        .request = &x};
    const auto& counters = server_.metrics_.responses;
    counters[std::clamp(static_cast<std::size_t>(answer.code) / 100, std::size_t{1}, counters.size()) - 1]
        ->add();
    for (auto* const observer : server_.options_.observers) observer->on_answer(what);
    return how.keep_alive;
}

std::optional<request_report> connection::report() const {
    request_report out{.client = peer_, .row = row_, .id = request_id_, .began = began_};
    switch (phase_) {
        case phase::handshake:
        case phase::idle:
        case phase::lingering: return std::nullopt;
        case phase::head:
            return request_report{.client = peer_,
                                  .began = expires_at() - server_.options_.bounds.head_timeout,
                                  .phase = request_phase::head};
        case phase::body: out.phase = request_phase::body; break;
        case phase::serving: out.phase = request_phase::serving; break;
        case phase::writing: out.phase = request_phase::writing; break;
    }
    if (!exchange_) return out;
    out.client = exchange_->origin().client;
    out.method = exchange_->head().method_text;
    out.tenant = exchange_->tenant();
    out.user = exchange_->user();
    return out;
}

}  // namespace bulkhead::http
