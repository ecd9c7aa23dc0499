// SPDX-License-Identifier: Apache-2.0
// Changes of a tenant that are one statement, and at once in force everywhere: every process hears of them,
// and the server itself stops a role that may not work any more. Each is written to the audit log. Blocking;
// one thread at a time. All give errc::tenant_unknown for an unknown slug, and errc::conflict in a state that
// forbids them or while longer work on the tenant is under way.
#pragma once

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
    std::optional<tenancy::tenant_limits> limits{};
};

/// errc::validation_failed for a bad slug or name, errc::conflict for a slug that is taken.
result<tenancy::tenant> change(site& at, std::string_view slug, const tenant_change& wanted);

/// Makes every access token of the tenant invalid.
result<tenancy::tenant> end_all_tokens(site& at, std::string_view slug);

}  // namespace bulkhead::lifecycle
