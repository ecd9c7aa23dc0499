// SPDX-License-Identifier: Apache-2.0
#include "http/dispatcher.hpp"

#include <exception>

#include "base/text.hpp"
#include "base/type_name.hpp"
#include "http/problem.hpp"
#include "http/request_timeout.hpp"
#include "http/vary.hpp"

namespace bulkhead::http {
namespace {

/// No row serves OPTIONS: what a path offers follows from the table.
response options_response(std::string allow) {
    response out{.code = status::no_content};
    out.header("Allow", std::move(allow));
    return out;
}

/// A browser's question before the request proper; it cannot help asking (Fetch standard, CORS-preflight).
bool is_preflight(const request_head& head) {
    return head.method == verb::options && head.find("Origin") && head.find("Access-Control-Request-Method");
}

/// A user's requests count once it is known whose they are, those of whoever runs the platform not at all.
bool counts_by_address(const exchange& x, const router::match& route) {
    if (!route.found) return !is_preflight(x.head());
    if (route.found->texts.probe || route.found->texts.rate == rate_class::none) return false;
    return route.found->required == access::open || route.found->required == access::tenant;
}

/// Who guesses tokens is known by address only.
bool failed_to_sign_in(const response& answer, const router::match& route) {
    return answer.code == status::unauthorized && route.found &&
           (route.found->required == access::user || route.found->required == access::platform);
}

}  // namespace

router::match dispatcher::find(exchange& x) const {
    auto route = routes_.find(x.head().method, x.head().path);
    if (policies_.tracing)
        x.set_trace(policies_.tracing->begin(x.head(), route.found && route.found->texts.probe));
    if (!route.found) return route;
    x.set_row(*route.found);
    for (std::size_t i = 0; i < route.parameters.size() && !route.parameters[i].empty(); ++i)
        x.set_path_parameter(i, std::move(route.parameters[i]));
    return route;
}

awaitable<std::optional<response>> dispatcher::before_body(exchange& x, const router::match& route) const {
    // A browser asks on its own account, without credentials: it is neither counted nor refused.
    if (policies_.cors)
        if (auto granted = policies_.cors->preflight(x.head(), route.allow)) co_return std::move(granted);
    if (const auto timely = limit_time(x, steady_clock::now()); !timely)
        co_return problem_response(timely.error(), x.request_id());
    if (policies_.gates)
        if (const auto room = policies_.gates->expect(x); !room)
            co_return problem_response(room.error(), x.request_id());
    if (policies_.limiter && counts_by_address(x, route)) {
        auto counted = co_await policies_.limiter->count_client(x);
        if (!counted) co_return problem_response(counted.error(), x.request_id());
    }
    co_return std::nullopt;
}

awaitable<response> dispatcher::serve(exchange& x, const router::match& route) const {
    auto answer = co_await handle(x, route);
    if (policies_.limiter && failed_to_sign_in(answer, route)) {
        auto counted = co_await policies_.limiter->count_client(x);
        if (!counted) answer = problem_response(counted.error(), x.request_id());
    }
    co_return answer;
}

/// A handler that throws is a bug: logged here once, and answered without details unless they are asked for.
awaitable<response> dispatcher::handle(exchange& x, const router::match& route) const {
    if (!route.found) co_return unrouted(x, route);
    if (x.deadline().passed()) co_return problem_response({.code = errc::deadline_exceeded}, x.request_id());
    admission::turn turn;
    if (policies_.gates) {
        auto begun = policies_.gates->enter(x, turn);
        if (begun && !*begun) {
            auto waited = co_await policies_.gates->wait(turn);
            if (!waited) begun = std::unexpected(std::move(waited.error()));
        }
        if (!begun) co_return problem_response(begun.error(), x.request_id());
    }
    x.set_served();
    request_failure why;
    try {
        auto answer = co_await route.found->serve(x);
        const bool good = static_cast<unsigned>(answer.code) < 400;
        turn.end(good);
        if (good) x.take_effect();
        co_return answer;
    } catch (const std::exception& e) {
        why = {.type = type_name(e), .reason = e.what()};
    } catch (...) {
        why = {.type = "unknown", .reason = "not a std::exception"};
    }
    x.log().error("a handler threw", {{"path", x.head().path}, {"reason", std::string_view(why.reason)}});
    error shown{.code = errc::internal};
    if (policies_.verbose && is_utf8(why.reason)) shown.detail = why.type + ": " + why.reason;
    x.set_failure(std::move(why));
    co_return problem_response(shown, x.request_id());
}

response dispatcher::unrouted(const exchange& x, const router::match& route) {
    if (x.head().asterisk) return options_response("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
    if (route.allow.empty()) return problem_response({.code = errc::not_found}, x.request_id());
    if (x.head().method == verb::options) return options_response(route.allow);
    auto answer = problem_response({.code = errc::method_not_allowed}, x.request_id());
    answer.header("Allow", route.allow);
    return answer;
}

void dispatcher::finish(exchange& x, response& answer) const {
    for (auto& [name, value] : x.take_headers()) {
        if (name == "Vary")
            vary_on(answer, value);
        else if (!answer.has_header(name))
            answer.header(name, std::move(value));
    }
    if (policies_.cors) policies_.cors->mark(x.head(), answer);
}

}  // namespace bulkhead::http
