// SPDX-License-Identifier: Apache-2.0
// What the secret of a webhook is bound to where it is kept, in the database of its tenant (the column
// webhooks.sealed_secret). Here because two need it: webhooks, and whoever seals everything with a new key.
// Plain values.
#pragma once

#include <string>
#include <string_view>

#include "base/uuid.hpp"

namespace bulkhead::tenancy {

/// The context that sealed_box::seal is given; `webhook` is the id as text. Of no other tenant and no other
/// webhook, so that a secret does not open where its row was copied to.
[[nodiscard]] inline std::string webhook_secret_context(const uuid& tenant, std::string_view webhook) {
    return "tenant/" + tenant.to_string() + "/webhook/" + std::string(webhook);
}

}  // namespace bulkhead::tenancy
