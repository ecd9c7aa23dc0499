// SPDX-License-Identifier: Apache-2.0
// SHA-256, HMAC and HKDF over OpenSSL 3. Algorithms are fetched once per process; every function is safe from
// any thread. Inputs and outputs are raw bytes. OpenSSL fails here only when memory or the library itself is
// broken, so failures are std::runtime_error, not results. Compare authenticators with constant_time_equal.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/secret.hpp"

struct evp_mac_ctx_st;  // EVP_MAC_CTX
struct evp_md_ctx_st;   // EVP_MD_CTX

namespace bulkhead {

/// The output of a hash or a MAC.
template <std::size_t Size>
struct digest {
    std::array<std::uint8_t, Size> bytes{};

    /// Valid as long as this object.
    [[nodiscard]] std::string_view view() const noexcept {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    [[nodiscard]] std::string to_string() const { return std::string(view()); }
};
using digest256 = digest<32>;
using digest384 = digest<48>;

digest256 sha256(std::string_view data);

/// SHA-256 of what comes in pieces. One thread at a time.
class sha256_stream {
public:
    sha256_stream();
    void add(std::string_view piece);
    /// Once, after the last piece.
    [[nodiscard]] digest256 finish();

private:
    struct release {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };
    std::unique_ptr<evp_md_ctx_st, release> context_;
};

/// RFC 2104, any key length.
digest256 hmac_sha256(std::string_view key, std::string_view data);
digest384 hmac_sha384(std::string_view key, std::string_view data);

/// Extract and expand (RFC 5869). `input` must not be empty; `length` is 1 to 8160 bytes, and
/// std::invalid_argument is thrown otherwise. An empty `salt` means 32 zero bytes, as the RFC says.
secret hkdf_sha256(std::string_view input, std::string_view salt, std::string_view info, std::size_t length);

/// A key made ready once and used often: about one microsecond for a short message. `sign` may be called from
/// several threads at once.
class hmac_sha256_key {
public:
    explicit hmac_sha256_key(std::string_view key);
    hmac_sha256_key(hmac_sha256_key&&) noexcept = default;
    hmac_sha256_key& operator=(hmac_sha256_key&&) noexcept = default;
    ~hmac_sha256_key() = default;

    [[nodiscard]] digest256 sign(std::string_view data) const;

    /// Whether `mac` is the authenticator of `data`, in time that does not depend on where they differ.
    [[nodiscard]] bool verify(std::string_view data, std::string_view mac) const;

private:
    struct release {
        void operator()(evp_mac_ctx_st* context) const noexcept;
    };
    std::unique_ptr<evp_mac_ctx_st, release> keyed_;
};

}  // namespace bulkhead
