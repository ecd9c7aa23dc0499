// SPDX-License-Identifier: Apache-2.0
// Makes a row of the route table from a handler's signature:
//
//     awaitable<result<created<task>>> create_task(auth::user_context& user, body<task_input> input);
//
// The first parameter says who may call it and is made by context<...>; the others are arguments
// (arguments.hpp); the value inside the result is an outcome (outcomes.hpp). Parsing, failures, access and
// documentation follow.
#pragma once

#include <tuple>
#include <type_traits>

#include "http/arguments.hpp"
#include "http/exchange.hpp"
#include "http/outcomes.hpp"
#include "http/problem.hpp"
#include "http/route.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::http {

/// How to make a handler's context from an exchange. Specialised where the context lives (tenancy, auth) with
///   static constexpr access required;
///   static awaitable<result<Context>> make(exchange&);
///   static void document(operation&);          // the ways in which making it fails
/// and, when something has to happen around the handler,
///   static awaitable<response> enclose(exchange&, Context&, served_by<Context> handler);
template <class Context>
struct context;

/// A handler with its arguments read and its outcome turned into an answer.
template <class Context>
using served_by = awaitable<response> (*)(exchange&, Context&);

template <class Handler>
struct handler_signature;

template <class Out, class Context, class... Arguments>
struct handler_signature<awaitable<result<Out>> (*)(Context&, Arguments...)> {
    using out = Out;
    using context_type = Context;
    using arguments = std::tuple<Arguments...>;
};

template <class... Arguments>
result<std::tuple<Arguments...>> read_arguments(exchange& x, std::type_identity<std::tuple<Arguments...>>) {
    std::tuple<result<Arguments>...> read{argument<Arguments>::from(x)...};
    return std::apply(
        [](auto&&... each) -> result<std::tuple<Arguments...>> {
            error* first = nullptr;
            ((each || first ? void() : void(first = &each.error())), ...);
            if (first) return std::unexpected(std::move(*first));
            return std::tuple<Arguments...>{std::move(*each)...};
        },
        std::move(read));
}

/// Runs Handler with a context that is already made.
template <auto Handler, class Context>
awaitable<response> serve_with(exchange& x, Context& made) {
    using signature = handler_signature<decltype(Handler)>;
    auto arguments = read_arguments(x, std::type_identity<typename signature::arguments>{});
    if (!arguments) co_return problem_response(arguments.error(), x.request_id());
    auto call = [&made](auto&&... each) { return Handler(made, std::move(each)...); };
    auto pending = std::apply(call, std::move(*arguments));
    auto done = co_await std::move(pending);
    if (!done) co_return problem_response(done.error(), x.request_id());
    co_return outcome<typename signature::out>::to_response(std::move(*done));
}

template <auto Handler>
awaitable<response> serve(exchange& x) {
    using context_type = typename handler_signature<decltype(Handler)>::context_type;
    if constexpr (std::is_same_v<context_type, exchange>) {
        co_return co_await serve_with<Handler>(x, x);
    } else {
        auto made = co_await context<context_type>::make(x);
        if (!made) co_return problem_response(made.error(), x.request_id());
        if constexpr (requires { &context<context_type>::enclose; })
            co_return co_await context<context_type>::enclose(x, *made, &serve_with<Handler, context_type>);
        else
            co_return co_await serve_with<Handler>(x, *made);
    }
}

template <class... Arguments>
void document_arguments(operation& op, std::type_identity<std::tuple<Arguments...>>) {
    (argument<Arguments>::document(op), ...);
}

template <auto Handler>
void document(operation& op) {
    using signature = handler_signature<decltype(Handler)>;
    outcome<typename signature::out>::document(op);
    if constexpr (!std::is_same_v<typename signature::context_type, exchange>)
        context<typename signature::context_type>::document(op);
    document_arguments(op, std::type_identity<typename signature::arguments>{});
}

template <auto Handler>
route make_route(boost::beast::http::verb method, std::string_view path, operation_texts texts) {
    using context_type = typename handler_signature<decltype(Handler)>::context_type;
    auto required = access::open;
    if constexpr (!std::is_same_v<context_type, exchange>) required = context<context_type>::required;
    return {method, path, texts, required, &serve<Handler>, &document<Handler>};
}

}  // namespace bulkhead::http
