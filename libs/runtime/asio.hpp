// SPDX-License-Identifier: Apache-2.0
// The one place that chooses Asio's types. Every reactor is an io_context that a single thread runs, so the
// concrete executor is used everywhere: no type erasure, no strands. Objects made from these types belong to
// their reactor's thread and are not touched from any other.
//
// Never write a capturing lambda inside a co_await or co_spawn expression: GCC 12 destroys it twice (bug
// 107288).
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace bulkhead {

namespace net = boost::asio;
using boost::system::error_code;
using net::ip::tcp;

using executor = net::io_context::executor_type;

template <class T = void>
using awaitable = net::awaitable<T, executor>;

using tcp_socket = net::basic_stream_socket<tcp, executor>;
using tcp_acceptor = net::basic_socket_acceptor<tcp, executor>;
using steady_clock = std::chrono::steady_clock;
using steady_timer = net::basic_waitable_timer<steady_clock, net::wait_traits<steady_clock>, executor>;

/// co_await op(use_tuple) gives (error_code, results...) instead of throwing.
inline constexpr auto use_tuple = net::as_tuple(net::deferred);
/// The token of our own async_initiate functions.
inline constexpr net::use_awaitable_t<executor> use_awaitable{};

}  // namespace bulkhead
