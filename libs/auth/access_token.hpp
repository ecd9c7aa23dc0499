// SPDX-License-Identifier: Apache-2.0
// Access tokens: JWT (RFC 7519) signed with HS256, made and read by this product alone, and therefore read
// strictly (RFC 8725): one algorithm, one type, one spelling. Not thread-safe, one object per reactor: it
// caches keys.
//
//   header  {"alg":"HS256","typ":"at+jwt","kid":"<8 characters>"}
//   claims  iss aud sub tid sid role iat nbf exp jti
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "auth/access_token_keys.hpp"
#include "auth/role.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "base/uuid.hpp"

namespace bulkhead::auth {

inline constexpr std::size_t access_token_max_size = 4096;
inline constexpr std::chrono::seconds access_token_leeway{30};  // between the clocks of two machines
inline constexpr std::chrono::days access_token_max_lifetime{31};

struct token_settings {
    secret current{};
    std::optional<secret> previous{};  // still verifies, signs nothing
    std::string issuer{};
    std::string audience{};
    std::chrono::milliseconds ttl{};
};

/// For whom a token is made.
struct access_subject {
    uuid subject{};  // the user
    uuid tenant{};
    int key_version = 1;  // of the tenant
    uuid session{};
    auth::role role = auth::role::viewer;
};

/// What a verified token says.
struct access_claims {
    uuid subject{};
    uuid tenant{};
    uuid session{};
    auth::role role = auth::role::viewer;
    utc_time issued_at{};
    utc_time expires_at{};
    uuid token_id{};
};

class access_tokens {
public:
    /// Throws std::invalid_argument for an empty secret, issuer or audience, and for a lifetime under a
    /// second or over access_token_max_lifetime.
    explicit access_tokens(token_settings settings);

    /// A new token with a new id, valid from `now` for the configured lifetime, in whole seconds.
    [[nodiscard]] std::string issue(const access_subject& subject, utc_time now);

    /// How long a new token is valid.
    [[nodiscard]] std::chrono::milliseconds lifetime() const noexcept { return settings_.ttl; }

    /// The tenant that the token claims, NOT VERIFIED: good only for choosing the tenant to `verify` with.
    /// errc::unauthenticated when it does not parse.
    [[nodiscard]] result<uuid> tenant_of(std::string_view token) const;

    /// The claims, once everything about the token holds:
    /// - at most 4 KiB; three segments of canonical base64url without padding (RFC 7515 section 2);
    /// - header: exactly alg, typ and kid, so that none of crit, zip, b64, jku, jwk, x5u, x5c can mean
    /// anything
    ///   (RFC 8725 sections 3.1, 3.6, 3.10); alg "HS256" and typ "at+jwt", letter for letter: nobody else
    ///   issues tokens for us, so the "application/at+jwt" that RFC 9068 section 4 also allows is refused;
    /// - the MAC, under this tenant's key of the current or previous secret, before any claim is read;
    /// - iss and aud as configured, aud a single string; tid this tenant; sub, sid, jti UUIDs; a known role;
    /// - iat, nbf and exp integers; exp later than `now`, iat and nbf not later, each with 30 s of leeway;
    /// exp after
    ///   iat by no more than access_token_max_lifetime.
    /// Further claims are ignored (RFC 7519 section 4). Every failure is errc::unauthenticated; the detail
    /// tells only whether the token has expired. Whether the session still lives is for the caller to ask.
    [[nodiscard]] result<access_claims> verify(std::string_view token, const tenant_key& tenant,
                                               utc_time now);

private:
    [[nodiscard]] const hmac_sha256_key* key_for(std::string_view header, const tenant_key& tenant);
    [[nodiscard]] result<access_claims> read_claims(const json::object& claims, const uuid& tenant,
                                                    utc_time now) const;

    token_settings settings_;
    access_token_keys keys_;
    std::string header_;  // ours, encoded
};

}  // namespace bulkhead::auth
