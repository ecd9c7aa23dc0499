// SPDX-License-Identifier: Apache-2.0
// The signing keys of access tokens: a ring of two master secrets, and from each one key per tenant, so that
// a token of one tenant can never verify at another. Derived keys are cached, least recently used first out.
// Not thread-safe: one per reactor.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/crypto.hpp"
#include "base/secret.hpp"
#include "base/uuid.hpp"

namespace bulkhead::auth {

/// Whose key, and which: raising a tenant's version makes every token of the tenant invalid at once.
struct tenant_key {
    tenant_key(const uuid& tenant, int number = 1)
        : id(tenant), version(number) {}  // implicit: usually the first
    uuid id;
    int version;
    friend bool operator==(const tenant_key&, const tenant_key&) = default;
};

class access_token_keys {
public:
    /// Throws std::invalid_argument when a secret is empty. How long a secret must be is the configuration's
    /// business. `capacity` bounds the cache (about 1 KiB an entry).
    access_token_keys(const secret& current, const std::optional<secret>& previous,
                      std::size_t capacity = 4096);

    /// Names the newest master secret: 8 characters of base64url(SHA-256(HKDF(secret, info "bulkhead access
    /// token kid"))), which tells nothing about the secret.
    [[nodiscard]] std::string_view current_id() const noexcept { return masters_.front().id; }

    /// HKDF(master secret, salt = the tenant's id, info "bulkhead access token v<version>"); nullptr for an
    /// unknown id. Valid until the next call.
    [[nodiscard]] const hmac_sha256_key* find(std::string_view id, const tenant_key& tenant);

    /// Keys in the cache.
    [[nodiscard]] std::size_t cached() const noexcept { return index_.size(); }

private:
    struct master {
        std::string id;
        secret value;
    };
    struct cache_key {
        tenant_key tenant;
        std::size_t generation;  // index into masters_
        friend bool operator==(const cache_key&, const cache_key&) = default;
    };
    struct cache_key_hash {
        std::size_t operator()(const cache_key& key) const noexcept {
            return std::hash<uuid>{}(key.tenant.id) + key.generation +
                   2 * static_cast<std::size_t>(key.tenant.version);
        }
    };
    struct entry {
        cache_key name;
        hmac_sha256_key key;
    };

    std::vector<master> masters_;  // newest first
    std::size_t capacity_;
    std::list<entry> recent_;  // most recently used first
    std::unordered_map<cache_key, std::list<entry>::iterator, cache_key_hash> index_;
};

}  // namespace bulkhead::auth
