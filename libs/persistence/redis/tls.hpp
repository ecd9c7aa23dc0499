// SPDX-License-Identifier: Apache-2.0
// TLS towards a Redis server: whom to trust, and that it is the host that was meant. Private to this library;
// one thread; shared by the connections made one after the other.
#pragma once

#include <boost/asio/ssl/context.hpp>

#include <expected>
#include <optional>
#include <string>

#include "runtime/asio.hpp"

namespace bulkhead::redis {

class redis_tls {
public:
    /// `ca_file`: certificates in PEM, the only ones to trust. Empty: those the system trusts.
    explicit redis_tls(std::string ca_file) : ca_file_(std::move(ca_file)) {}

    /// TLS 1.2 or newer, and a certificate is demanded. Reads files at its first call, which takes
    /// milliseconds. The error is a sentence for logs.
    std::expected<net::ssl::context*, std::string> context();

    /// The files are read again before the next connection: they may have been replaced since.
    void forget() noexcept { context_.reset(); }

    /// The certificate must be valid for `host`, a name or an address. False: OpenSSL does not take it.
    static bool expect_host(SSL* connection, const std::string& host);

    /// Why a handshake failed, for logs.
    static std::string explain(SSL* connection, const error_code& failed);

private:
    std::string ca_file_;
    std::optional<net::ssl::context> context_;
};

}  // namespace bulkhead::redis
