// SPDX-License-Identifier: Apache-2.0
#include "features/webhooks/routes.hpp"

#include "events/delivery_job.hpp"
#include "features/webhooks/repository.hpp"
#include "http/endpoint.hpp"
#include "tenancy/schema_levels.hpp"

namespace bulkhead::webhooks {

/// The `{delivery}` of the path, behind `{id}`.
struct path_delivery {
    uuid webhook, delivery;
};

}  // namespace bulkhead::webhooks

template <>
struct bulkhead::http::argument<bulkhead::webhooks::path_delivery> {
    static result<webhooks::path_delivery> from(exchange& x) {
        const auto webhook = uuid::parse(x.path_parameter(0));
        const auto delivery = uuid::parse(x.path_parameter(1));
        if (!webhook || !delivery) return fail(errc::not_found);
        return webhooks::path_delivery{*webhook, *delivery};
    }
    static void document(operation& op) {
        argument<path_id>::document(op);
        op.parameter({{"name", "delivery"},
                      {"in", "path"},
                      {"required", true},
                      {"schema", {{"type", "string"}, {"format", "uuid"}}}});
    }
};

namespace bulkhead::webhooks {
namespace {

using auth::admin_context;
using http::path_id;

http::accepted<delivery> accepted(delivery made, const uuid& webhook) {
    auto location = "/api/webhooks/" + webhook.to_string() + "/deliveries/" + made.id.to_string();
    return {std::move(made), std::move(location)};
}

// GET /api/webhooks
awaitable<result<webhook_page>> list_webhooks(admin_context& caller, http::query<page_query> query) {
    co_return co_await repository(caller).list(std::move(query.value));
}

// POST /api/webhooks
awaitable<result<http::created<new_webhook>>> create_webhook(admin_context& caller,
                                                             http::body<webhook_input> input) {
    const auto& known = caller.tenant().request().service<endpoints>();
    if (auto good = known.check(input.value.url.str()); !good)
        co_return std::unexpected(std::move(good.error()));
    auto made = co_await repository(caller).add(std::move(input.value), known);
    if (!made) co_return std::unexpected(std::move(made.error()));
    const auto location = "/api/webhooks/" + made->id.to_string();
    co_return http::created<new_webhook>{.value = *std::move(made), .location = location};
}

// DELETE /api/webhooks/{id}
awaitable<result<http::no_content>> delete_webhook(admin_context& caller, path_id id) {
    if (auto gone = co_await repository(caller).remove(id.value); !gone)
        co_return std::unexpected(std::move(gone.error()));
    co_return http::no_content{};
}

// POST /api/webhooks/{id}/enable
awaitable<result<webhook>> enable_webhook(admin_context& caller, path_id id) {
    co_return co_await repository(caller).enable(id.value);
}

// POST /api/webhooks/{id}/test
awaitable<result<http::accepted<delivery>>> test_webhook(admin_context& caller, path_id id) {
    auto made = co_await repository(caller).send_test(id.value);
    if (!made) co_return std::unexpected(std::move(made.error()));
    co_return accepted(*std::move(made), id.value);
}

// GET /api/webhooks/{id}/deliveries
awaitable<result<delivery_page>> list_deliveries(admin_context& caller, path_id id,
                                                 http::query<page_query> query) {
    co_return co_await repository(caller).deliveries(id.value, std::move(query.value));
}

// GET /api/webhooks/{id}/deliveries/{delivery}
awaitable<result<delivery>> get_delivery(admin_context& caller, path_delivery which) {
    co_return co_await repository(caller).find_delivery(which.webhook, which.delivery);
}

// POST /api/webhooks/{id}/deliveries/{delivery}/redeliver
awaitable<result<http::accepted<delivery>>> redeliver(admin_context& caller, path_delivery which) {
    auto made = co_await repository(caller).redeliver(which.webhook, which.delivery);
    if (!made) co_return std::unexpected(std::move(made.error()));
    co_return accepted(*std::move(made), which.webhook);
}

constexpr std::string_view tag = "webhooks";

void mount_deliveries(http::router& routes) {
    routes.get<list_deliveries>("/api/webhooks/{id}/deliveries",
                                {.id = "listWebhookDeliveries",
                                 .summary = "What a webhook was told, newest first",
                                 .tag = tag,
                                 .schema = tenancy::with_webhooks});
    routes.get<get_delivery>("/api/webhooks/{id}/deliveries/{delivery}", {.id = "getWebhookDelivery",
                                                                          .summary = "How far a delivery is",
                                                                          .tag = tag,
                                                                          .schema = tenancy::with_webhooks});
    routes.post<redeliver>(
        "/api/webhooks/{id}/deliveries/{delivery}/redeliver",
        {.id = "redeliverWebhook",
         .summary = "Send a message once more",
         .tag = tag,
         .description = "A new delivery of the same message: body and `webhook-id` are the "
                        "same. 409 while the webhook is disabled.",
         .failures = {errc::conflict},
         .schema = tenancy::with_webhooks});
}

}  // namespace

void mount(http::router& routes) {
    routes.get<list_webhooks>("/api/webhooks", {.id = "listWebhooks",
                                                .summary = "The tenant's webhooks, newest first",
                                                .tag = tag,
                                                .schema = tenancy::with_webhooks});
    routes.post<create_webhook>(
        "/api/webhooks",
        {.id = "createWebhook",
         .summary = "Have a URL called when something happens",
         .tag = tag,
         .description =
             "For owners and administrators, as is everything about webhooks. Calls are signed as the "
             "Standard Webhooks specification says, with the secret that only this answer shows. A message "
             "can come more than once, and with the same `webhook-id` then. The URL must lead to the public "
             "internet.",
         .failures = {errc::quota_exceeded},
         .compress = false,
         .schema = tenancy::with_webhooks});
    routes.del<delete_webhook>("/api/webhooks/{id}", {.id = "deleteWebhook",
                                                      .summary = "Forget a webhook and its deliveries",
                                                      .tag = tag,
                                                      .schema = tenancy::with_webhooks});
    routes.post<enable_webhook>(
        "/api/webhooks/{id}/enable",
        {.id = "enableWebhook",
         .summary = "Call a webhook again that was disabled",
         .tag = tag,
         .description = "A webhook is disabled when no call has succeeded for days, or "
                        "when its receiver answered 410. What happened meanwhile is "
                        "not told.",
         .schema = tenancy::with_webhooks});
    routes.post<test_webhook>("/api/webhooks/{id}/test", {.id = "testWebhook",
                                                          .summary = "Send the message `webhook.test`, once",
                                                          .tag = tag,
                                                          .schema = tenancy::with_webhooks});
    mount_deliveries(routes);
}

}  // namespace bulkhead::webhooks
