// SPDX-License-Identifier: Apache-2.0
// The keys behind the secrets in the control database: which ones are in use, changing to a new DATA_KEY, and
// new passwords for tenants' roles. All of it can be interrupted and repeated. Blocking; one thread at a
// time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lifecycle/site.hpp"

namespace bulkhead::lifecycle {

enum class key_use {
    current,   // DATA_KEY; "plain" when there is none
    previous,  // DATA_KEY_PREVIOUS, or "plain" from before there was a key
    unknown,   // a key that is not configured, or no sealed value at all
};
[[nodiscard]] std::string_view use_name(key_use use) noexcept;

/// So many values in one column are sealed with one key.
struct sealed_values {
    std::string place;  // "tenants.role_password"
    std::string key;    // its id; "plain"; empty: damaged
    key_use use = key_use::unknown;
    std::int64_t count = 0;
};

/// In the order of places and keys.
result<std::vector<sealed_values>> list_sealed_values(const site& at);

struct resealing {
    std::size_t sealed = 0;    // again, with the current key
    std::size_t unopened = 0;  // no key opens them; they stay as they are
    bool complete = false;     // nothing is left that another key opens
};

/// Seals with the current key what another one sealed. A value that somebody changes meanwhile is left alone
/// and looked at again. Ends early, and not complete, when `stop` says so; `on_batch` hears how many were
/// sealed so far. errc::conflict when there is no DATA_KEY.
result<resealing> reseal(const site& at, const std::function<void(std::size_t)>& on_batch = {},
                         const std::function<bool()>& stop = {});

/// New passwords for a tenant's roles: sealed into its row and given to the roles, of which every process
/// hears. Sessions that are open stay open. Killed between the two, the roles still have the old passwords,
/// and repeating it heals that. errc::tenant_unknown; errc::conflict unless the tenant is active or suspended
/// and no other work on it is unfinished.
result<void> rotate_credentials(site& at, std::string_view slug);

/// Whether both roles of a tenant can log in with the passwords in its row; the application's only when it is
/// active.
result<bool> credentials_fit(const site& at, const tenancy::tenant& one);

}  // namespace bulkhead::lifecycle
