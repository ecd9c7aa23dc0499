// SPDX-License-Identifier: Apache-2.0
// How this server speaks TLS: versions, suites and curves after Mozilla's intermediate recommendation, and
// one certificate. Immutable and shared by the connections of all reactors; a renewed certificate is a new
// object for new connections, and the old one lives as long as theirs.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "base/key_pair.hpp"

struct ssl_ctx_st;  // SSL_CTX

namespace bulkhead::http {

class tls_context {
public:
    /// Reads and checks both files. The error is a sentence for the operator.
    static std::expected<std::shared_ptr<const tls_context>, std::string> load(
        const std::string& certificate_file, const std::string& key_file);

    /// Throws std::runtime_error when OpenSSL refuses what load_key_pair let pass.
    explicit tls_context(const key_pair& pair);
    tls_context(const tls_context&) = delete;
    tls_context& operator=(const tls_context&) = delete;

    [[nodiscard]] utc_time not_after() const noexcept { return not_after_; }
    /// For SSL_new, which counts its references by itself and may be called from any thread.
    [[nodiscard]] ssl_ctx_st* native() const noexcept { return context_.get(); }

private:
    struct release {
        void operator()(ssl_ctx_st* context) const noexcept;
    };
    std::unique_ptr<ssl_ctx_st, release> context_;
    utc_time not_after_;
};

}  // namespace bulkhead::http
