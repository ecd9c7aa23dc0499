// SPDX-License-Identifier: Apache-2.0
// How a request sends a mail: it makes the job of it, in its own transaction. Belongs to the request's
// reactor.
#pragma once

#include <string>

#include "mailing/letter.hpp"
#include "queue/outbox.hpp"

namespace bulkhead::mailing {

/// The mail is sent if and only if this request takes effect, soon after. With a `unique_key`, at most one
/// open job of the tenant has it, and a second letter is not made. Errors are those of queue::outbox::add.
awaitable<result<queue::outbox::added>> post(queue::outbox& by, const tenancy::tenant_context& within,
                                             letter what, std::string unique_key = {});

}  // namespace bulkhead::mailing
