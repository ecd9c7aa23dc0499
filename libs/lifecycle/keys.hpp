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

/// "place row" of values that no key opens; at most `most`.
result<std::vector<std::string>> unopened_values(const site& at, std::size_t most);

}  // namespace bulkhead::lifecycle
