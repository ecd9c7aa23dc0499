// SPDX-License-Identifier: Apache-2.0
#include "auth/access_token_keys.hpp"

#include <stdexcept>
#include <string>

#include "base/testing/catch.hpp"

using namespace bulkhead;
using bulkhead::auth::access_token_keys;

namespace {

uuid numbered(std::uint8_t n) {
    uuid id;
    id.bytes[15] = n;
    return id;
}

std::string mac(access_token_keys& keys, std::string_view id, const uuid& tenant) {
    const auto* const key = keys.find(id, tenant);
    return key != nullptr ? key->sign("message").to_string() : "no key";
}

}  // namespace

TEST_CASE("access_token_keys: each tenant and each secret has its own key", "[auth]") {
    access_token_keys keys(secret("one"), secret("two"));
    const std::string id(keys.current_id());
    const std::string previous_id(access_token_keys(secret("two"), std::nullopt).current_id());
    CHECK(id.size() == 8);
    CHECK(id != previous_id);
    const auto first = mac(keys, id, numbered(1));
    CHECK(first == mac(keys, id, numbered(1)));
    CHECK(first != mac(keys, id, numbered(2)));
    CHECK(first != mac(keys, previous_id, numbered(1)));
    const auto salt = std::string(15, '\0') + '\x01';
    const auto derived = hkdf_sha256("one", salt, "bulkhead access token v1", 32);
    CHECK(first == hmac_sha256(derived.reveal(), "message").view());
}

TEST_CASE("access_token_keys: an unknown id has no key and takes no room", "[auth]") {
    access_token_keys keys(secret("one"), std::nullopt);
    for (const auto* id : {"", "AAAAAAAA", "unknown"}) CHECK(keys.find(id, numbered(1)) == nullptr);
    CHECK(keys.cached() == 0);
}

TEST_CASE("access_token_keys: the cache is bounded and forgets the least recently used", "[auth]") {
    access_token_keys keys(secret("one"), secret("two"), 3);
    const std::string id(keys.current_id());
    const auto first = mac(keys, id, numbered(1));
    for (std::uint8_t n = 1; n <= 200; ++n) {
        CHECK(keys.find(id, numbered(n)) != nullptr);
        const auto* const kept = keys.find(id, numbered(1));  // always used again, so it stays where it is
        CHECK(kept == keys.find(id, numbered(1)));
        CHECK(keys.cached() <= 3);
    }
    CHECK(keys.cached() == 3);
    CHECK(mac(keys, id, numbered(1)) == first);
    access_token_keys tiny(secret("one"), std::nullopt, 0);
    CHECK(mac(tiny, id, numbered(1)) == first);
    CHECK(mac(tiny, id, numbered(2)) != first);
    CHECK(tiny.cached() == 1);
}

TEST_CASE("access_token_keys: refuses empty secrets", "[auth]") {
    CHECK_THROWS_AS(access_token_keys(secret(), std::nullopt), std::invalid_argument);
    CHECK_THROWS_AS(access_token_keys(secret("one"), secret()), std::invalid_argument);
}
