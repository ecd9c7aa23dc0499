// SPDX-License-Identifier: Apache-2.0
#include "support/chaos_link.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace bulkhead::testing {
namespace {

constexpr std::size_t most_waiting = 1 << 20;  // bytes of one direction that are under way
constexpr std::size_t largest_piece = 16 * 1024;

void close(tcp_socket& socket, bool by_reset) {
    error_code ignored;
    if (by_reset) socket.set_option(net::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
}

}  // namespace

chaos_link::chaos_link(tcp_socket client, executor ex, chaos_weather& weather)
    : weather_(weather),
      client_(std::move(client)),
      server_(ex),
      up_(client_, server_, weather.to_server, weather.counts.to_server, ex),
      down_(server_, client_, weather.to_client, weather.counts.to_client, ex) {
    ++weather_.counts.connections;
    ++weather_.counts.open;
}

awaitable<void> chaos_link::run(std::shared_ptr<chaos_link> self, tcp::endpoint server) {
    const auto [failed] = co_await self->server_.async_connect(server, use_tuple);
    if (failed) co_return self->end(true);  // as if the server had refused the client itself
    error_code ignored;
    for (auto* socket : {&self->client_, &self->server_}) socket->set_option(tcp::no_delay(true), ignored);
    const auto ex = self->server_.get_executor();
    for (auto* s : {&self->up_, &self->down_}) {
        net::co_spawn(ex, take(self, *s), net::detached);
        net::co_spawn(ex, give(self, *s), net::detached);
    }
}

void chaos_link::stir() {
    up_.wake.cancel();
    down_.wake.cancel();
}

void chaos_link::end(bool by_reset) {
    if (std::exchange(over_, true)) return;
    close(client_, by_reset);
    close(server_, by_reset);
    stir();
}

/// Until `until`, or until something changes.
awaitable<void> chaos_link::pause(stream& s, steady_clock::time_point until) {
    s.wake.expires_at(until);
    co_await s.wake.async_wait(use_tuple);
}

/// Reads what the sender says.
awaitable<void> chaos_link::take(std::shared_ptr<chaos_link> self, stream& s) {
    std::array<char, largest_piece> room;
    steady_timer nap(self->server_.get_executor());
    while (!self->over_) {
        if (s.weather.stall || s.waiting_bytes >= most_waiting) {
            nap.expires_after(std::chrono::milliseconds{5});
            co_await nap.async_wait(use_tuple);
            continue;
        }
        const auto [failed, count] = co_await s.from.async_read_some(net::buffer(room), use_tuple);
        if (failed && failed != net::error::eof && !s.weather.keep_open) self->end(true);
        if (failed) break;
        s.total += count;
        if (!self->pass(s, std::string(room.data(), count))) co_return;
    }
    s.ended = true;
    s.wake.cancel();
}

/// Puts bytes on their way, or ends the connection after the last that may pass. False: it is over.
bool chaos_link::pass(stream& s, std::string bytes) {
    const auto& now = s.weather;
    const auto before = s.read;
    s.read += bytes.size();
    const auto last = std::min(now.cut_after, now.reset_after);
    if (s.read >= last) bytes.resize(last > before ? last - before : 0);
    if (now.corrupt_every != faults::none)
        for (std::size_t i = 0; i < bytes.size(); ++i)
            if ((before + i) % now.corrupt_every == now.corrupt_every - 1) bytes[i] ^= 1;
    if (!now.swallow && !bytes.empty()) {
        s.waiting_bytes += bytes.size();
        s.waiting.push_back({steady_clock::now() + now.delay, std::move(bytes)});
        s.wake.cancel();
    }
    if (s.read < last) return true;
    if (now.reset_after <= now.cut_after) {
        end(true);
        return false;
    }
    s.ended = true;
    s.wake.cancel();
    return false;
}

/// Hands on what has waited long enough.
awaitable<void> chaos_link::give(std::shared_ptr<chaos_link> self, stream& s) {
    while (!self->over_) {
        if (s.waiting.empty()) {
            if (s.ended) break;
            co_await pause(s, steady_clock::time_point::max());
            continue;
        }
        if (const auto due = s.waiting.front().due; due > steady_clock::now()) {
            co_await pause(s, due);
            continue;
        }
        auto bytes = std::move(s.waiting.front().bytes);
        s.waiting.pop_front();
        s.waiting_bytes -= bytes.size();
        const bool delivered = co_await self->deliver(s, std::move(bytes));
        if (!delivered) co_return;
    }
    if (self->over_ || s.weather.keep_open) co_return;
    if (s.read >= s.weather.cut_after) co_return self->end(false);
    error_code ignored;
    s.to.shutdown(tcp_socket::shutdown_send, ignored);
}

/// In slices and at the rate that the faults ask for. False: the connection is over.
awaitable<bool> chaos_link::deliver(stream& s, std::string bytes) {
    steady_timer rest(server_.get_executor());
    for (std::size_t sent = 0; sent < bytes.size();) {
        const auto& now = s.weather;
        const auto rate = now.bytes_per_second;
        // A throttled stream flows in twentieths of a second, not in one gulp a second.
        const auto gulp = rate == faults::none ? bytes.size() : std::max<std::size_t>(1, rate / 20);
        const auto count = std::min({bytes.size() - sent, std::max<std::size_t>(1, now.slice), gulp});
        const auto [failed, written] =
            co_await net::async_write(s.to, net::buffer(bytes.data() + sent, count), use_tuple);
        if (failed) {
            if (!s.weather.keep_open) end(true);
            co_return false;
        }
        sent += written;
        auto wait = std::chrono::microseconds(now.slice == faults::none ? std::chrono::milliseconds{0}
                                                                        : now.slice_pause);
        if (rate != faults::none)
            wait = std::max(wait,
                            std::chrono::microseconds(written * 1'000'000 / std::max<std::size_t>(1, rate)));
        if (wait.count() == 0) continue;
        rest.expires_after(wait);
        co_await rest.async_wait(use_tuple);
        if (over_) co_return false;
    }
    co_return true;
}

}  // namespace bulkhead::testing
