// SPDX-License-Identifier: Apache-2.0
#include "features/webhooks/endpoints.hpp"

#include <algorithm>

#include "tenancy/webhook_secrets.hpp"

namespace bulkhead::webhooks {

using tenancy::webhook_secret_context;

result<> endpoints::check(std::string_view url) const {
    const auto good = outbound::check_target(url, rules_);
    if (!good) return fail_field("/url", good.error().code, good.error().detail);
    return {};
}

std::string endpoints::seal(const webhook_secret& what, const uuid& tenant, const uuid& webhook) const {
    const auto text = what.text();
    return box_.seal(text.reveal(), webhook_secret_context(tenant, webhook.to_string()));
}

result<webhook_secret> endpoints::open(std::string_view sealed, const uuid& tenant,
                                       const uuid& webhook) const {
    const auto opened = box_.open(sealed, webhook_secret_context(tenant, webhook.to_string()));
    if (!opened) {
        const auto keys = box_.key_ids();
        const auto key = sealed_box::key_id_of(sealed);
        const bool known = std::ranges::find(keys, key) != keys.end();
        return fail(known ? errc::conflict : errc::unavailable, "the secret cannot be opened");
    }
    auto secret = webhook_secret::parse(opened->reveal());
    if (!secret) return fail(errc::conflict, "the secret is damaged");
    return *std::move(secret);
}

}  // namespace bulkhead::webhooks
