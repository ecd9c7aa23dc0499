// SPDX-License-Identifier: Apache-2.0
// One TLS connection over a socket, server side. OpenSSL reads and writes the socket itself and this waits
// for it, so no byte is copied on the way and an idle connection holds no buffers. Belongs to its connection,
// which outlives every call; one operation at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <tuple>

#include "http/tls.hpp"
#include "runtime/asio.hpp"

struct ssl_st;  // SSL

namespace bulkhead::http {

/// What async_read_some and async_write_some of a socket give.
using io_outcome = std::tuple<error_code, std::size_t>;

class tls_stream {
public:
    /// Once `stopped` is true no wait begins: a deadline that passes between two waits is not forgotten.
    /// Throws std::bad_alloc.
    tls_stream(tcp_socket& below, const tls_context& with, const bool& stopped);
    ~tls_stream();
    tls_stream(const tls_stream&) = delete;
    tls_stream& operator=(const tls_stream&) = delete;

    awaitable<io_outcome> handshake();
    /// net::error::eof only when the client has said that it is done (close_notify): a connection that just
    /// ends may have been cut by somebody else (RFC 8446 section 6.1).
    awaitable<io_outcome> read_some(std::span<char> room);
    awaitable<io_outcome> write_some(std::string_view bytes);
    /// Says that nothing more will be sent, if that can still be said.
    awaitable<io_outcome> close_notify();
    /// The same without waiting for the socket.
    void close_at_once() noexcept;

    /// Something was received that read_some has not given yet, perhaps less than it can give.
    [[nodiscard]] bool holds_bytes() const noexcept;
    /// The client began with a letter, as every HTTP method does and no TLS record.
    [[nodiscard]] bool was_plain_http() const noexcept {
        const auto lower = wire_.first_byte | 0x20;
        return lower >= 'a' && lower <= 'z';
    }

private:
    struct release {
        void operator()(ssl_st* session) const noexcept;
    };
    /// What OpenSSL sees of the socket.
    struct wire {
        tcp_socket& socket;
        error_code failed{};
        unsigned char first_byte = 0;
    };
    friend struct wire_calls;

    template <class Step>
    awaitable<io_outcome> drive(Step step);
    error_code failure(int said);

    wire wire_;
    const bool& stopped_;
    std::unique_ptr<ssl_st, release> session_;
    bool usable_ = false;  // agreed on, and nothing has gone wrong since
};

}  // namespace bulkhead::http
