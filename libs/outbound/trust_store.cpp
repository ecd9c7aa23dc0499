// SPDX-License-Identifier: Apache-2.0
#include "outbound/trust_store.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <new>
#include <stdexcept>

namespace bulkhead::outbound {
namespace {

/// libcurl built the context of a connection: in place of its own store it gets ours.
CURLcode share_store(CURL*, void* context, void* store) noexcept {
    ::SSL_CTX_set1_cert_store(static_cast<SSL_CTX*>(context), static_cast<X509_STORE*>(store));
    return CURLE_OK;
}

}  // namespace

void trust_store::release::operator()(x509_store_st* store) const noexcept { ::X509_STORE_free(store); }

trust_store::trust_store(const std::string& file) : store_(::X509_STORE_new()) {
    if (!store_) throw std::bad_alloc();
    const int loaded = file.empty() ? ::X509_STORE_set_default_paths(store_.get())
                                    : ::X509_STORE_load_file(store_.get(), file.c_str());
    ::ERR_clear_error();
    if (loaded != 1) throw std::runtime_error(file + ": no certificates of authorities could be read");
    // As libcurl does: an authority in the middle of a chain may be the one that is trusted.
    ::X509_STORE_set_flags(store_.get(), X509_V_FLAG_PARTIAL_CHAIN);
}

void trust_store::apply(curl_handle& easy) const {
    constexpr const char* none = nullptr;
    easy.set(CURLOPT_CAINFO, none);
    easy.set(CURLOPT_CAPATH, none);
    easy.set(CURLOPT_SSL_CTX_FUNCTION, &share_store);
    easy.set(CURLOPT_SSL_CTX_DATA, static_cast<void*>(store_.get()));
}

}  // namespace bulkhead::outbound
