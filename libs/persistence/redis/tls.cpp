// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/tls.hpp"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>

namespace bulkhead::redis {

std::expected<net::ssl::context*, std::string> redis_tls::context() {
    if (context_) return &*context_;
    net::ssl::context made(net::ssl::context::tls_client);
    error_code failed;
    if (ca_file_.empty())
        made.set_default_verify_paths(failed);
    else
        made.load_verify_file(ca_file_, failed);
    if (failed) {
        const auto what = ca_file_.empty() ? "the system's certificates" : "the certificates in " + ca_file_;
        return std::unexpected(what + " cannot be used: " + failed.message());
    }
    made.set_verify_mode(net::ssl::verify_peer, failed);
    if (failed || SSL_CTX_set_min_proto_version(made.native_handle(), TLS1_2_VERSION) != 1)
        return std::unexpected("TLS cannot be set up: " + failed.message());
    return &context_.emplace(std::move(made));
}

bool redis_tls::expect_host(SSL* connection, const std::string& host) {
    error_code is_name;
    net::ip::make_address(host, is_name);
    auto* rules = SSL_get0_param(connection);
    if (!is_name) return X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1;
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(rules, host.data(), host.size()) == 1 &&
           SSL_set_tlsext_host_name(connection, host.c_str()) == 1;
}

std::string redis_tls::explain(SSL* connection, const error_code& failed) {
    const auto verdict = SSL_get_verify_result(connection);
    if (verdict == X509_V_OK) return "TLS could not be agreed on: " + failed.message();
    return std::string("its certificate is not to be trusted: ") + X509_verify_cert_error_string(verdict);
}

}  // namespace bulkhead::redis
