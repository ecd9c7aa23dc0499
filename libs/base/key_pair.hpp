// SPDX-License-Identifier: Apache-2.0
// What a TLS server shows and proves: a certificate with its chain, and the private key, from two PEM files.
// Loading reads files and checks all that can be checked without a client, so that a wrong file is found at
// start-up and not by the first visitor. Immutable once loaded.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"

struct x509_st;      // X509
struct evp_pkey_st;  // EVP_PKEY

namespace bulkhead {

struct key_pair {
    struct release {
        void operator()(x509_st* certificate) const noexcept;
        void operator()(evp_pkey_st* key) const noexcept;
    };
    std::vector<std::unique_ptr<x509_st, release>> chain;  // the server's own first
    std::unique_ptr<evp_pkey_st, release> key;
    utc_time not_after;  // of the server's own
};

/// Why two files are no pair to serve with.
struct key_pair_problem {
    bool with_key = false;  // which of the files is to be looked at
    std::string text;       // names the file, and holds nothing of what is in it
};

/// Both must be readable, the certificate valid at `now` and signed with a sound algorithm, the key its own,
/// without a passphrase, and of 112 bits of security at least (RSA of 2048 bits, any usual curve).
std::expected<key_pair, key_pair_problem> load_key_pair(const std::string& certificate_file,
                                                        const std::string& key_file, utc_time now);

}  // namespace bulkhead
