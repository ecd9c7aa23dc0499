// SPDX-License-Identifier: Apache-2.0
#include "http/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdexcept>
#include <string_view>

namespace bulkhead::http {
namespace {

// Mozilla's "intermediate" guidelines, version 6: TLS 1.2 with forward secrecy and AEAD only, and TLS 1.3.
constexpr auto suites_1_2 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr auto suites_1_3 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr auto curves = "X25519MLKEM768:X25519:P-256:P-384";  // OpenSSL 3.5 knows the first
constexpr auto classical_curves = "X25519:P-256:P-384";
constexpr auto signatures =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"
    "RSA+SHA256:RSA+SHA384:RSA+SHA512";

// Every connection negotiates keys of its own: a resumed one would hang on a ticket key that has to be kept,
// shared and replaced, and on a cache that has to be bounded. Connections are kept alive instead.
// The order of suites is ours, but a client that prefers ChaCha20, for it has no AES instructions, gets it.
constexpr std::uint64_t options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                  SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;

// An idle connection keeps no record buffers; a write says how far it came and may be repeated from a buffer
// that has moved.
constexpr long modes =
    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;

/// HTTP/1.1, or nothing: a client that can only speak something else is told so now (RFC 7301 section 3.2),
/// and no other protocol's client can be led here (ALPACA).
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_length,
                    const unsigned char* offered, unsigned length, void*) {
    constexpr std::string_view ours = "http/1.1";
    for (unsigned at = 0; at < length;) {
        const std::string_view one{reinterpret_cast<const char*>(offered + at + 1), offered[at]};
        if (one == ours) {
            *chosen = offered + at + 1;
            *chosen_length = offered[at];
            return SSL_TLSEXT_ERR_OK;
        }
        at += 1U + offered[at];
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

void demand(bool done, const char* what) {
    if (done) return;
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    throw std::runtime_error(std::string("TLS cannot be set up: ") + what + (reason ? ": " : "") +
                             (reason ? reason : ""));
}

void use_pair(SSL_CTX* context, const key_pair& pair) {
    demand(SSL_CTX_use_certificate(context, pair.chain.front().get()) == 1, "certificate");
    for (auto it = pair.chain.begin() + 1; it != pair.chain.end(); ++it)
        demand(SSL_CTX_add1_chain_cert(context, it->get()) == 1, "chain");
    demand(SSL_CTX_use_PrivateKey(context, pair.key.get()) == 1, "key");
}

}  // namespace

void tls_context::release::operator()(ssl_ctx_st* context) const noexcept { SSL_CTX_free(context); }

tls_context::tls_context(const key_pair& pair)
    : context_(SSL_CTX_new(TLS_server_method())), not_after_(pair.not_after) {
    auto* context = context_.get();
    demand(context != nullptr, "no memory");
    demand(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1, "versions");
    demand(SSL_CTX_set_cipher_list(context, suites_1_2) == 1, "suites");
    demand(SSL_CTX_set_ciphersuites(context, suites_1_3) == 1, "suites");
    demand(SSL_CTX_set1_groups_list(context, curves) == 1 ||
               SSL_CTX_set1_groups_list(context, classical_curves) == 1,
           "curves");
    ERR_clear_error();
    demand(SSL_CTX_set1_sigalgs_list(context, signatures) == 1, "signatures");
    SSL_CTX_set_options(context, options);
    SSL_CTX_set_mode(context, modes);
    SSL_CTX_set_read_ahead(context, 1);  // a record in one system call, not its head and its rest
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    demand(SSL_CTX_set_num_tickets(context, 0) == 1, "tickets");
    SSL_CTX_set_alpn_select_cb(context, &choose_protocol, nullptr);
    use_pair(context, pair);
}

std::expected<std::shared_ptr<const tls_context>, std::string> tls_context::load(
    const std::string& certificate_file, const std::string& key_file) try {
    const auto pair = load_key_pair(certificate_file, key_file, utc_now());
    if (!pair) return std::unexpected(pair.error().text);
    return std::make_shared<const tls_context>(*pair);
} catch (const std::runtime_error& refused) {
    return std::unexpected(refused.what());
}

}  // namespace bulkhead::http
