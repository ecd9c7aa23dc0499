// SPDX-License-Identifier: Apache-2.0
// Changes of a tenant that are one statement, and at once in force everywhere: every process hears of them,
// and the server itself stops a role that may not work any more. Each is written to the audit log. Blocking;
// one thread at a time. All give errc::tenant_unknown for an unknown slug, and errc::conflict in a state that
// forbids them, while longer work on the tenant is under way, or when another such change of it keeps them
// waiting for two seconds.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "lifecycle/site.hpp"
#include "tenancy/limits.hpp"

namespace bulkhead::lifecycle {

/// From active to suspended: requests are refused, sessions ended, the application's role may not log in.
result<tenancy::tenant> suspend(site& at, std::string_view slug, std::string_view reason);

/// Back to active.
result<tenancy::tenant> resume(site& at, std::string_view slug);

struct tenant_change {
    std::optional<std::string> slug{};  // the old one is free at once
    std::optional<std::string> name{};
    std::optional<tenancy::tenant_limits> limits{};  // only those that differ are written
};

/// What to change, given the tenant as it is: until that is done no other change comes in between.
using decision = std::function<result<tenant_change>(const tenancy::tenant&)>;

/// errc::validation_failed for a bad slug or name, errc::conflict for a slug that is taken, and what `decide`
/// says. The tenant as it is when nothing is wanted.
result<tenancy::tenant> change(site& at, std::string_view slug, const decision& decide);
result<tenancy::tenant> change(site& at, std::string_view slug, const tenant_change& wanted);

/// Makes every access token of the tenant invalid: all of its users have to log in again.
result<tenancy::tenant> end_all_tokens(site& at, std::string_view slug);

}  // namespace bulkhead::lifecycle
