// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as an access token, as changes to a valid one, and as header and claims under a correct
// MAC. Nothing may crash; only the original may verify; what verifies must say what it may say.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "auth/access_token.hpp"
#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "schema/enumeration.hpp"

namespace {

using namespace bulkhead;
using namespace std::chrono_literals;

constexpr std::string_view master = "0123456789abcdef0123456789abcdef";
constexpr utc_time now{1700000000s};

struct fixture {
    auth::access_subject alice{.subject = uuid::generate(),
                               .tenant = uuid::generate(),
                               .session = uuid::generate(),
                               .role = auth::role::member};
    auth::access_tokens tokens{{.current = secret(std::string(master)),
                                .issuer = "bulkhead",
                                .audience = "bulkhead-api",
                                .ttl = 15min}};
    std::string valid = tokens.issue(alice, now);
    std::string header = valid.substr(0, valid.find('.'));
    hmac_sha256_key key{
        hkdf_sha256(master,
                    {reinterpret_cast<const char*>(alice.tenant.bytes.data()), alice.tenant.bytes.size()},
                    "bulkhead access token v1", 32)
            .reveal()};
};

void require(bool holds) {
    if (!holds) std::abort();
}

void verify_as_is(fixture& f, std::string_view token) {
    static_cast<void>(f.tokens.tenant_of(token));
    require(f.tokens.verify(token, f.alice.tenant, now).has_value() == (token == f.valid));
}

/// Pairs of bytes: how far to move, and what to change there; an odd byte at the end cuts or extends.
void verify_changed(fixture& f, std::string_view changes) {
    std::string token = f.valid;
    std::size_t place = 0;
    for (; changes.size() >= 2; changes.remove_prefix(2)) {
        place = (place + static_cast<unsigned char>(changes[0])) % token.size();
        token[place] = static_cast<char>(token[place] ^ changes[1]);
    }
    if (!changes.empty()) token.resize(token.size() + static_cast<std::size_t>(changes[0]) % 64 - 32, 'A');
    verify_as_is(f, token);
}

void verify_signed(fixture& f, const std::string& header, std::string_view claims) {
    auto token = header + '.' + to_base64url(claims);
    token += '.' + to_base64url(f.key.sign(token).view());
    const auto read = f.tokens.verify(token, f.alice.tenant, now);
    if (!read) return require(read.error().code == errc::unauthenticated);
    require(read->tenant == f.alice.tenant && f.tokens.tenant_of(token).value() == read->tenant);
    require(!schema::enum_name(read->role).empty());
    require(read->expires_at > now - auth::access_token_leeway &&
            read->issued_at <= now + auth::access_token_leeway);
    require(read->expires_at > read->issued_at);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static fixture f;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    verify_as_is(f, input);
    verify_changed(f, input);
    verify_signed(f, f.header, input);
    const auto cut = input.find('\n');
    verify_signed(f, to_base64url(input.substr(0, cut)),
                  cut < size ? input.substr(cut + 1) : std::string_view{});
    return 0;
}
