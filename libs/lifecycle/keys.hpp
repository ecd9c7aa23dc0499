// SPDX-License-Identifier: Apache-2.0
// The key behind the secrets in the control database and in tenants' databases: which one is in use, and
// changing to a new DATA_KEY. All of it can be interrupted and repeated. Blocking; one thread at a time.
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
    std::string place;  // "tenants.role_password"; of tenants' databases: in all of them together
    std::string key;    // its id; "plain"; empty: damaged
    key_use use = key_use::unknown;
    std::int64_t count = 0;
};

/// One in whose database nobody looked.
struct unvisited_tenant {
    std::string slug;
    std::string why;  // for people
};

struct sealed_inventory {
    std::vector<sealed_values> values;  // in the order of places and keys
    std::vector<unvisited_tenant> unvisited;
};

/// A connection to each tenant's database, those of deleted tenants too. Ends early when `stop` says so.
result<sealed_inventory> list_sealed_values(site& at, const std::function<bool()>& stop = {});

struct resealing {
    std::size_t sealed = 0;                   // again, with the current key
    std::size_t unopened = 0;                 // no key opens them; they stay as they are
    std::vector<unvisited_tenant> unvisited;  // what is in their databases stays as it is
    bool complete = false;                    // nothing is left anywhere that another key opens
};

/// Seals with the current key what another one sealed. A value that somebody changes meanwhile is left alone
/// and looked at again. Ends early, and not complete, when `stop` says so; `on_batch` hears how many were
/// sealed so far. errc::conflict when there is no DATA_KEY.
result<resealing> reseal(site& at, const std::function<void(std::size_t)>& on_batch = {},
                         const std::function<bool()>& stop = {});

/// What somebody sees who may not change anything: the databases of deleted tenants are passed by.
struct key_findings {
    std::int64_t previous = 0;          // values that are not sealed with the current key, but open
    std::vector<std::string> unopened;  // "place row" of values that no key opens
};

/// At most `most` of those are named.
result<key_findings> inspect_keys(site& at, std::size_t most, const std::function<bool()>& stop = {});

}  // namespace bulkhead::lifecycle
