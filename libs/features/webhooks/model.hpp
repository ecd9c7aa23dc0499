// SPDX-License-Identifier: Apache-2.0
// Webhooks and their deliveries as the API speaks of them.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "events/event.hpp"
#include "schema/schema.hpp"

namespace bulkhead::webhooks {

using events::event;

/// What is sent when somebody presses the button; every webhook takes it.
inline constexpr std::string_view test_event = "webhook.test";

struct webhook_input {
    schema::text<1, 2048> url;
    schema::bounded<event, 16, 1> events;
    schema::or_default<schema::text<0, 500>> description;
};
BOOST_DESCRIBE_STRUCT(webhook_input, (), (url, events, description))

struct webhook {
    uuid id;
    std::string url;
    std::vector<event> events;
    std::string description;
    bool enabled = true;
    std::optional<std::string> disabled_reason;
    std::optional<utc_time> failing_since;  // no call has succeeded since
    utc_time created_at;
};
BOOST_DESCRIBE_STRUCT(webhook, (),
                      (id, url, events, description, enabled, disabled_reason, failing_since, created_at))

/// The answer to the one who made it, and the only one with the secret.
struct new_webhook {
    uuid id;
    std::string url;
    std::vector<event> events;
    std::string description;
    bool enabled = true;
    utc_time created_at;
    std::string secret;
};
BOOST_DESCRIBE_STRUCT(new_webhook, (), (id, url, events, description, enabled, created_at, secret))

enum class delivery_state { pending, scheduled, running, succeeded, failed, cancelled };
BOOST_DESCRIBE_ENUM(delivery_state, pending, scheduled, running, succeeded, failed, cancelled)

struct delivery {
    uuid id;
    uuid message_id;  // webhook-id: the same for all deliveries of one message
    std::string event;
    delivery_state state = delivery_state::pending;
    std::int64_t attempts = 0;                // calls that were made
    std::optional<std::int64_t> status_code;  // of the latest call, and so are the next three
    std::optional<std::int64_t> latency_ms;
    std::optional<std::string> error;
    std::optional<std::string> response;  // the beginning of the body that came with status_code
    utc_time created_at;
    std::optional<utc_time> last_attempt_at;
    std::optional<utc_time> next_attempt_at;
    std::optional<utc_time> finished_at;
};
BOOST_DESCRIBE_STRUCT(delivery, (),
                      (id, message_id, event, state, attempts, status_code, latency_ms, error, response,
                       created_at, last_attempt_at, next_attempt_at, finished_at))

struct page_query {
    schema::or_default<schema::integer<1, 100>, 20> limit;
    std::optional<schema::text<1, 2000>> cursor;
};
BOOST_DESCRIBE_STRUCT(page_query, (), (limit, cursor))

struct webhook_page {
    std::vector<webhook> items;
    std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(webhook_page, (), (items, next_cursor))

struct delivery_page {
    std::vector<delivery> items;
    std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(delivery_page, (), (items, next_cursor))

constexpr std::string_view schema_name_of(std::type_identity<delivery>) { return "webhook_delivery"; }
constexpr std::string_view schema_name_of(std::type_identity<delivery_page>) {
    return "webhook_delivery_page";
}
constexpr std::string_view schema_name_of(std::type_identity<page_query>) { return "webhook_page_query"; }

}  // namespace bulkhead::webhooks
