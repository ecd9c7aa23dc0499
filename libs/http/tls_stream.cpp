// SPDX-License-Identifier: Apache-2.0
#include "http/tls_stream.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/error.hpp>
#include <new>

namespace bulkhead::http {

/// A BIO over a socket of ours. Unlike OpenSSL's own it knows when the socket was closed, whose descriptor
/// may be another connection's by then, and it raises no SIGPIPE.
struct wire_calls {
    static tls_stream::wire& of(BIO* bio) { return *static_cast<tls_stream::wire*>(BIO_get_data(bio)); }

    static int finish(BIO* bio, const error_code& ec, int retry) {
        BIO_clear_retry_flags(bio);
        if (!ec) return 1;
        if (ec == net::error::would_block || ec == net::error::try_again)
            BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
        else
            of(bio).failed = ec;
        return 0;
    }

    static int read(BIO* bio, char* data, std::size_t room, std::size_t* count) {
        error_code ec;
        *count = of(bio).socket.read_some(net::buffer(data, room), ec);
        if (!ec && of(bio).first_byte == 0) of(bio).first_byte = static_cast<unsigned char>(*data);
        return finish(bio, ec, BIO_FLAGS_READ);
    }

    static int write(BIO* bio, const char* data, std::size_t size, std::size_t* count) {
        error_code ec;
        *count = of(bio).socket.write_some(net::buffer(data, size), ec);
        return finish(bio, ec, BIO_FLAGS_WRITE);
    }

    static long control(BIO* bio, int command, long, void*) {
        if (command == BIO_CTRL_EOF) return of(bio).failed == net::error::eof ? 1 : 0;
        return command == BIO_CTRL_FLUSH ? 1 : 0;
    }

    static const BIO_METHOD* method() {
        static const BIO_METHOD* const made = [] {
            auto* out = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket of a reactor");
            if (out == nullptr) throw std::bad_alloc();
            BIO_meth_set_read_ex(out, &wire_calls::read);
            BIO_meth_set_write_ex(out, &wire_calls::write);
            BIO_meth_set_ctrl(out, &wire_calls::control);
            return out;
        }();
        return made;
    }
};

void tls_stream::release::operator()(ssl_st* session) const noexcept { SSL_free(session); }

tls_stream::tls_stream(tcp_socket& below, const tls_context& with, const bool& stopped)
    : wire_{.socket = below}, stopped_(stopped), session_(SSL_new(with.native())) {
    BIO* const bio = session_ ? BIO_new(wire_calls::method()) : nullptr;
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, &wire_);
    BIO_set_init(bio, 1);
    SSL_set_bio(session_.get(), bio, bio);
    SSL_set_accept_state(session_.get());
    error_code ignored;  // closed already: the handshake will find out
    below.non_blocking(true, ignored);
}

tls_stream::~tls_stream() = default;

error_code tls_stream::failure(int said) {
    if (said == SSL_ERROR_ZERO_RETURN) return net::error::eof;
    usable_ = false;
    const auto reason = ERR_get_error();
    ERR_clear_error();
    if (wire_.failed == net::error::eof) return net::error::connection_reset;
    if (wire_.failed) return wire_.failed;
    if (reason == 0) return net::error::fault;
    return {static_cast<int>(reason), net::error::get_ssl_category()};
}

/// Repeats `step` until it is done, waiting for the socket in between.
template <class Step>
awaitable<io_outcome> tls_stream::drive(Step step) {
    for (;;) {
        std::size_t count = 0;
        ERR_clear_error();  // the queue belongs to the thread, which serves many connections
        const int done = step(session_.get(), count);
        if (done == 1) co_return io_outcome(error_code{}, count);
        const int said = SSL_get_error(session_.get(), done);
        if (said != SSL_ERROR_WANT_READ && said != SSL_ERROR_WANT_WRITE)
            co_return io_outcome(failure(said), 0);
        if (stopped_) co_return io_outcome(net::error::operation_aborted, 0);
        const auto way = said == SSL_ERROR_WANT_READ ? tcp_socket::wait_read : tcp_socket::wait_write;
        const auto [ec] = co_await wire_.socket.async_wait(way, use_tuple);
        if (ec) co_return io_outcome(ec, 0);
    }
}

awaitable<io_outcome> tls_stream::handshake() {
    return drive([this](SSL* session, std::size_t&) {
        const int done = SSL_do_handshake(session);
        usable_ = done == 1;
        return done;
    });
}

awaitable<io_outcome> tls_stream::read_some(std::span<char> room) {
    return drive([room](SSL* session, std::size_t& count) {
        return SSL_read_ex(session, room.data(), room.size(), &count);
    });
}

awaitable<io_outcome> tls_stream::write_some(std::string_view bytes) {
    return drive([bytes](SSL* session, std::size_t& count) {
        return SSL_write_ex(session, bytes.data(), bytes.size(), &count);
    });
}

awaitable<io_outcome> tls_stream::close_notify() {
    return drive([this](SSL* session, std::size_t&) {
        if (!usable_) return 1;
        const int done = SSL_shutdown(session);
        return done < 0 ? done : 1;  // the client's own is not waited for
    });
}

void tls_stream::close_at_once() noexcept {
    ERR_clear_error();
    if (usable_) (void)SSL_shutdown(session_.get());
    ERR_clear_error();
}

bool tls_stream::holds_bytes() const noexcept { return SSL_has_pending(session_.get()) == 1; }

}  // namespace bulkhead::http
