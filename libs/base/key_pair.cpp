// SPDX-License-Identifier: Apache-2.0
#include "base/key_pair.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#include <cerrno>
#include <system_error>

namespace bulkhead {
namespace {

constexpr int least_security = 112;  // bits: what OpenSSL's security level 2 asks for
constexpr std::size_t longest_chain = 10;

struct close_bio {
    void operator()(BIO* file) const noexcept { BIO_free(file); }
};
using bio_ptr = std::unique_ptr<BIO, close_bio>;

std::unexpected<key_pair_problem> wrong(bool with_key, std::string text) {
    ERR_clear_error();  // it belongs to the thread, and somebody else's question would find it
    return std::unexpected(key_pair_problem{with_key, std::move(text)});
}

bio_ptr open_file(const std::string& path) {
    errno = 0;
    return bio_ptr(BIO_new_file(path.c_str(), "rb"));
}

std::string cannot_read(const std::string& path) {
    return fmt::format("{} cannot be read: {}", path, std::generic_category().message(errno));
}

/// Without it OpenSSL would ask on the terminal.
int no_passphrase(char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

utc_time to_utc(const ASN1_TIME* time) {
    tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return {};  // long ago
    return utc_time{std::chrono::seconds{timegm(&parts)}};
}

bool soundly_signed(X509* certificate) {
    int security = 0;
    if (X509_self_signed(certificate, 0) == 1) return true;  // trusted or not for what it is
    return X509_get_signature_info(certificate, nullptr, nullptr, &security, nullptr) == 1 &&
           security >= least_security;
}

std::expected<key_pair, key_pair_problem> load_chain(const std::string& path, utc_time now) {
    const auto file = open_file(path);
    if (!file) return wrong(false, cannot_read(path));
    key_pair out{};
    while (out.chain.size() < longest_chain) {
        auto* next = PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr);
        if (!next) break;
        out.chain.emplace_back(next);
        if (!soundly_signed(next))
            return wrong(
                false, fmt::format("{} has a certificate signed with a broken algorithm, like SHA-1", path));
    }
    ERR_clear_error();  // the end of the file is one
    if (out.chain.empty()) return wrong(false, fmt::format("{} holds no certificate in PEM", path));
    auto* own = out.chain.front().get();
    out.not_after = to_utc(X509_get0_notAfter(own));
    const auto not_before = to_utc(X509_get0_notBefore(own));
    if (out.not_after <= now)
        return wrong(false,
                     fmt::format("the certificate in {} expired at {}", path, to_rfc3339(out.not_after)));
    if (not_before > now)
        return wrong(
            false, fmt::format("the certificate in {} is not valid before {}", path, to_rfc3339(not_before)));
    return out;
}

}  // namespace

void key_pair::release::operator()(x509_st* owned) const noexcept { X509_free(owned); }
void key_pair::release::operator()(evp_pkey_st* owned) const noexcept { EVP_PKEY_free(owned); }

std::expected<key_pair, key_pair_problem> load_key_pair(const std::string& certificate_file,
                                                        const std::string& key_file, utc_time now) {
    auto out = load_chain(certificate_file, now);
    if (!out) return out;
    const auto file = open_file(key_file);
    if (!file) return wrong(true, cannot_read(key_file));
    bool asked = false;
    out->key.reset(PEM_read_bio_PrivateKey(file.get(), nullptr, &no_passphrase, &asked));
    if (!out->key)
        return wrong(
            true, asked ? fmt::format("the key in {} has a passphrase: openssl pkey takes it off", key_file)
                        : fmt::format("{} holds no private key in PEM", key_file));
    if (X509_check_private_key(out->chain.front().get(), out->key.get()) != 1)
        return wrong(true, fmt::format("the key in {} does not belong to the first certificate in {}",
                                       key_file, certificate_file));
    if (EVP_PKEY_get_security_bits(out->key.get()) < least_security)
        return wrong(true,
                     fmt::format("the key in {} is too short: RSA needs 2048 bits, or take an elliptic curve",
                                 key_file));
    return out;
}

}  // namespace bulkhead
