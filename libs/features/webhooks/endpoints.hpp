// SPDX-License-Identifier: Apache-2.0
// Where webhooks may lead, and how their secrets are kept: sealed with the data key and bound to tenant and
// webhook, so that a copy of a tenant does not call the original's receivers. Immutable, safe from any
// thread; used as a service. The box must outlive it.
#pragma once

#include <string>

#include "base/sealed_box.hpp"
#include "base/uuid.hpp"
#include "features/webhooks/standard_webhook.hpp"
#include "outbound/target.hpp"

namespace bulkhead::webhooks {

class endpoints {
public:
    endpoints(const sealed_box& box, outbound::target_rules rules) : box_(box), rules_(std::move(rules)) {}

    /// errc::validation_failed on /url for one that is not called.
    [[nodiscard]] result<> check(std::string_view url) const;

    [[nodiscard]] std::string seal(const webhook_secret& what, const uuid& tenant, const uuid& webhook) const;

    /// errc::unavailable when the key that it was sealed with is not here, errc::conflict when it belongs to
    /// another tenant or was damaged.
    [[nodiscard]] result<webhook_secret> open(std::string_view sealed, const uuid& tenant,
                                              const uuid& webhook) const;

private:
    const sealed_box& box_;
    const outbound::target_rules rules_;
};

}  // namespace bulkhead::webhooks
