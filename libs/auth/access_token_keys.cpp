// SPDX-License-Identifier: Apache-2.0
#include "auth/access_token_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/encoding.hpp"

namespace bulkhead::auth {
namespace {

constexpr std::string_view id_info = "bulkhead access token kid";
constexpr std::size_t id_size = 8;
constexpr std::size_t key_size = 32;

std::string id_of(const secret& master) {
    const auto derived = hkdf_sha256(master.reveal(), "", id_info, key_size);
    return to_base64url(sha256(derived.reveal()).view()).substr(0, id_size);
}

}  // namespace

access_token_keys::access_token_keys(const secret& current, const std::optional<secret>& previous,
                                     std::size_t capacity)
    : capacity_(std::max<std::size_t>(capacity, 1)) {
    if (current.empty() || (previous && previous->empty()))
        throw std::invalid_argument("access tokens cannot be signed with an empty secret");
    masters_.push_back({id_of(current), current});
    if (previous) masters_.push_back({id_of(*previous), *previous});
}

const hmac_sha256_key* access_token_keys::find(std::string_view id, const tenant_key& tenant) {
    const auto found = std::ranges::find(masters_, id, &master::id);
    if (found == masters_.end()) return nullptr;
    const cache_key name{tenant, static_cast<std::size_t>(found - masters_.begin())};
    if (const auto known = index_.find(name); known != index_.end()) {
        recent_.splice(recent_.begin(), recent_, known->second);
        return &recent_.front().key;
    }
    const std::string_view salt(reinterpret_cast<const char*>(tenant.id.bytes.data()),
                                tenant.id.bytes.size());
    const auto derived = hkdf_sha256(found->value.reveal(), salt,
                                     fmt::format("bulkhead access token v{}", tenant.version), key_size);
    if (index_.size() >= capacity_) {
        index_.erase(recent_.back().name);
        recent_.pop_back();
    }
    recent_.push_front({name, hmac_sha256_key(derived.reveal())});
    index_.emplace(name, recent_.begin());
    return &recent_.front().key;
}

}  // namespace bulkhead::auth
