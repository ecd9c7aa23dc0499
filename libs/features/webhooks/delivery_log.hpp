// SPDX-License-Identifier: Apache-2.0
// What the worker reads and notes of one delivery, in the tenant's database. Belongs to one reactor.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "outbound/http_message.hpp"
#include "persistence/postgres/database.hpp"

namespace bulkhead::webhooks {

/// What is to be sent, and where.
struct assignment {
    uuid webhook;
    uuid message;
    std::string url;
    std::string sealed_secret;
    std::string event;
    std::string body;
    unsigned calls = 0;  // that were made
    bool disabled = false;
    bool finished = false;
};

/// What a call that failed means for the delivery and for its webhook.
struct verdict {
    std::string reason;                     // for the customer
    bool last = false;                      // there is no other call
    bool counts = true;                     // against the webhook
    bool gone = false;                      // the receiver wants no more, ever
    std::chrono::milliseconds patience{0};  // failing for so long, a webhook is disabled
};

class delivery_log {
public:
    explicit delivery_log(postgres::database db) : db_(std::move(db)) {}

    /// nullopt: the webhook is gone, and the delivery with it.
    awaitable<result<std::optional<assignment>>> find(uuid id) const;

    awaitable<result<>> note_success(uuid id, outbound::http_outcome call) const;
    /// Why the webhook is disabled, if it is now and was not before.
    awaitable<result<std::optional<std::string>>> note_failure(uuid id, outbound::http_outcome call,
                                                               verdict what) const;
    /// Ends a delivery for which no call is made.
    awaitable<result<>> note_end(uuid id, std::string reason) const;
    awaitable<result<>> disable(uuid webhook, std::string reason) const;

private:
    postgres::database db_;
};

}  // namespace bulkhead::webhooks
