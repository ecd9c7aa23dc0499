// SPDX-License-Identifier: Apache-2.0
// The authorities whose certificates are believed, read once: to read Debian's anew for every connection
// takes more processor time than all the rest of a call. What the system adds later counts after a restart.
// Immutable, shared by any number of threads and connections.
#pragma once

#include <memory>
#include <string>

#include "outbound/curl_handle.hpp"

struct x509_store_st;  // X509_STORE

namespace bulkhead::outbound {

class trust_store {
public:
    /// Those in a PEM file, or where OpenSSL looks when `file` is empty (SSL_CERT_FILE and SSL_CERT_DIR are
    /// heeded). Throws std::runtime_error for a file that cannot be read or holds none.
    explicit trust_store(const std::string& file);

    /// Transfers of `easy` believe these and no others. This object must outlive them.
    void apply(curl_handle& easy) const;

private:
    struct release {
        void operator()(x509_store_st* store) const noexcept;
    };
    std::unique_ptr<x509_store_st, release> store_;
};

}  // namespace bulkhead::outbound
