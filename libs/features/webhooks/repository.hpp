// SPDX-License-Identifier: Apache-2.0
// The webhooks of one tenant and what was told to them. Only an administrator's context makes one.
#pragma once

#include "auth/user_context.hpp"
#include "features/webhooks/endpoints.hpp"
#include "features/webhooks/model.hpp"
#include "persistence/postgres/database.hpp"

namespace bulkhead::webhooks {

/// Of a tenant. Two requests at once may get past it, by one: it is there against the thousandth.
inline constexpr int most_webhooks = 50;

class repository {
public:
    explicit repository(const auth::admin_context& caller)
        : tenant_(caller.tenant()), db_(caller.db()), user_(caller.id()) {}

    awaitable<result<webhook_page>> list(page_query query) const;
    /// errc::quota_exceeded for too many.
    awaitable<result<new_webhook>> add(webhook_input input, const endpoints& known) const;
    /// errc::not_found when the tenant has none of this id; so do the others. What waits to be told to it is
    /// cancelled.
    awaitable<result<>> remove(uuid id) const;
    /// It is called again from now on.
    awaitable<result<webhook>> enable(uuid id) const;

    awaitable<result<delivery_page>> deliveries(uuid webhook, page_query query) const;
    awaitable<result<delivery>> find_delivery(uuid webhook, uuid id) const;
    /// Sends a message that says nothing but that, once.
    awaitable<result<delivery>> send_test(uuid webhook) const;
    /// The same message once more, whatever became of it. errc::conflict when the webhook is disabled.
    awaitable<result<delivery>> redeliver(uuid webhook, uuid id) const;

private:
    awaitable<result<bool>> exists(uuid webhook) const;
    awaitable<> hint() const;
    awaitable<result<delivery>> begun(uuid webhook, uuid id) const;

    const tenancy::tenant_context& tenant_;  // of the caller, who outlives this object
    postgres::database db_;
    uuid user_;
};

}  // namespace bulkhead::webhooks
