// SPDX-License-Identifier: Apache-2.0
#include "http/dispatcher.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <stdexcept>

#include "base/testing/catch.hpp"

namespace bulkhead::http {
namespace {

awaitable<result<response>> fine(exchange&) { co_return response{}; }
awaitable<result<response>> fall(exchange&) {
    throw std::out_of_range("over the edge");
    co_return response{};
}
awaitable<result<response>> stumble(exchange&) {
    throw 1;
    co_return response{};
}

int effects = 0;
awaitable<result<response>> write_and(exchange& x, bool forget, status code) {
    x.when_effective([] { ++effects; });
    x.when_effective([] { effects += 10; });
    if (forget) x.forget_effects();
    if (code == status::ok) co_return response{};
    co_return fail(errc::conflict);
}
awaitable<result<response>> take_hold(exchange& x) { return write_and(x, false, status::ok); }
awaitable<result<response>> take_back(exchange& x) { return write_and(x, true, status::ok); }
awaitable<result<response>> refuse(exchange& x) { return write_and(x, false, status::conflict); }
awaitable<result<response>> break_down(exchange& x) {
    x.when_effective([] { ++effects; });
    throw std::out_of_range("after the write");
    co_return response{};
}

/// What is left of a request once it was served.
struct ending {
    status code{};
    request_failure why{};
    bool served = false;
    bool traced = false;
    std::string said{};
};

awaitable<void> answer(const dispatcher& stages, const router::match& route, exchange& x, response& out) {
    out = co_await stages.serve(x, route);
}

ending ask(std::string_view path, bool verbose = false) {
    router routes;
    routes.get<fine>("/fine", {.id = "fine", .summary = "", .tag = "t"});
    routes.get<fine>("/probe", {.id = "probe", .summary = "", .tag = "t", .probe = true});
    routes.get<fall>("/fall", {.id = "fall", .summary = "", .tag = "t"});
    routes.get<stumble>("/stumble", {.id = "stumble", .summary = "", .tag = "t"});
    routes.get<take_hold>("/hold", {.id = "hold", .summary = "", .tag = "t"});
    routes.get<take_back>("/back", {.id = "back", .summary = "", .tag = "t"});
    routes.get<refuse>("/refuse", {.id = "refuse", .summary = "", .tag = "t"});
    routes.get<break_down>("/break", {.id = "break", .summary = "", .tag = "t"});
    const request_tracing tracing(true, 1);
    const dispatcher stages(routes, {.tracing = &tracing, .verbose = verbose});
    const services none;
    request_head head;
    head.method = verb::get;
    head.path = path;
    exchange x(head, none, "r", {}, runtime::deadline::in(std::chrono::seconds{60}));
    const auto route = stages.find(x);
    net::io_context context;
    response out;
    net::co_spawn(context, answer(stages, route, x, out), net::detached);
    context.run();
    return {out.code, x.failure(), x.served(), x.recording() != nullptr, out.body};
}

}  // namespace

TEST_CASE("dispatcher: what a handler throws is known to those who report it", "[http]") {
    const auto fallen = ask("/fall");
    CHECK(fallen.code == status::internal_server_error);
    CHECK(fallen.why.type == "std::out_of_range");
    CHECK(fallen.why.reason == "over the edge");
    CHECK(fallen.served);
    CHECK(ask("/stumble").why.type == "unknown");
    CHECK(ask("/fine").why.type.empty());
}

TEST_CASE("dispatcher: what a handler throws is told to clients when that is asked for", "[http]") {
    CHECK(ask("/fall").said.find("over the edge") == std::string::npos);
    CHECK(ask("/fall", true).said.find(R"("detail":"std::out_of_range: over the edge")") !=
          std::string::npos);
    CHECK(ask("/fine", true).code == ask("/fine").code);
}

TEST_CASE("dispatcher: requests are traced, probes are not", "[http]") {
    CHECK(ask("/fine").traced);
    CHECK(ask("/nowhere").traced);
    CHECK(!ask("/nowhere").served);
    CHECK(!ask("/probe").traced);
}

TEST_CASE("dispatcher: what waits for a request's effect is done after it, once, and only then", "[http]") {
    effects = 0;
    CHECK(ask("/hold").code == status::ok);
    CHECK(effects == 11);
    CHECK(ask("/back").code == status::ok);
    CHECK(ask("/refuse").code == status::conflict);
    CHECK(ask("/break").code == status::internal_server_error);
    CHECK(effects == 11);
}

}  // namespace bulkhead::http
