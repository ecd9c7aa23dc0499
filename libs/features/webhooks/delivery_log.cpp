// SPDX-License-Identifier: Apache-2.0
#include "features/webhooks/delivery_log.hpp"

#include <algorithm>
#include <limits>

#include "features/webhooks/response_text.hpp"

namespace bulkhead::webhooks {
namespace {

using outbound::http_outcome;
using postgres::parameters;

std::optional<std::int16_t> status_of(const http_outcome& call) {
    if (call.how != outbound::ending::answered) return std::nullopt;
    return static_cast<std::int16_t>(call.status);
}

std::int32_t duration_of(const http_outcome& call) {
    return static_cast<std::int32_t>(
        std::min<std::int64_t>(call.took.count(), std::numeric_limits<std::int32_t>::max()));
}

std::optional<std::string> response_of(const http_outcome& call) {
    if (call.how != outbound::ending::answered) return std::nullopt;
    return response_text(call.body);
}

result<> done(const result<postgres::result_set>& rows) {
    if (!rows) return std::unexpected(rows.error());
    return {};
}

}  // namespace

awaitable<result<std::optional<assignment>>> delivery_log::find(uuid id) const {
    const auto rows = co_await db_.read(
        "select w.id, coalesce(d.repeats, d.id), w.url, w.sealed_secret, d.event, d.body, d.attempts, "
        "w.disabled_at is not null, d.finished_at is not null "
        "from webhook_deliveries d join webhooks w on w.id = d.webhook_id where d.id = $1",
        id);
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->empty()) co_return std::nullopt;
    const auto row = (*rows)[0];
    assignment out{.webhook = row.get<uuid>(0),
                   .message = row.get<uuid>(1),
                   .url = row.get<std::string>(2),
                   .sealed_secret = row.get<std::string>(3),
                   .event = row.get<std::string>(4),
                   .body = row.get<std::string>(5),
                   .calls = static_cast<unsigned>(row.get<std::int32_t>(6)),
                   .disabled = row.get<bool>(7),
                   .finished = row.get<bool>(8)};
    co_return out;
}

awaitable<result<>> delivery_log::note_success(uuid id, http_outcome call) const {
    co_return done(co_await db_.write(
        "with ended as (update webhook_deliveries set attempts = attempts + 1, last_status = $2, "
        "last_error = null, last_duration_ms = $3, last_response = $4, last_attempt_at = now(), "
        "succeeded = true, finished_at = now() where id = $1 returning webhook_id) "
        "update webhooks w set failing_since = null from ended "
        "where w.id = ended.webhook_id and w.failing_since is not null",
        id, status_of(call), duration_of(call), response_of(call)));
}

awaitable<result<std::optional<std::string>>> delivery_log::note_failure(uuid id, http_outcome call,
                                                                         verdict what) const {
    // The clock of a webhook runs from its first failure since the latest success.
    const auto rows = co_await db_.write(
        "with tried as (update webhook_deliveries set attempts = attempts + 1, last_status = $2, "
        "last_error = $4, last_duration_ms = $3, last_response = $9, last_attempt_at = now(), "
        "succeeded = case when $5 then false end, finished_at = case when $5 then now() end "
        "where id = $1 returning webhook_id), "
        "judged as (select w.id, case when $7 then 'the receiver answered 410 Gone' "
        "when w.failing_since < now() - $8 * interval '1 millisecond' "
        "then 'no call has succeeded for too long' end as reason "
        "from webhooks w join tried on w.id = tried.webhook_id where $6 and w.disabled_at is null) "
        "update webhooks w set failing_since = coalesce(w.failing_since, now()), "
        "disabled_at = case when judged.reason is not null then now() end, disabled_reason = judged.reason "
        "from judged where w.id = judged.id and w.disabled_at is null returning w.disabled_reason",
        id, status_of(call), duration_of(call), what.reason, what.last, what.counts, what.gone,
        std::int64_t{what.patience.count()}, response_of(call));
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->empty()) co_return std::nullopt;
    co_return (*rows)[0].get<std::optional<std::string>>(0);
}

awaitable<result<>> delivery_log::note_end(uuid id, std::string reason) const {
    co_return done(
        co_await db_.write("update webhook_deliveries set last_error = $2, succeeded = false, "
                           "finished_at = now() where id = $1 and finished_at is null",
                           id, reason));
}

awaitable<result<>> delivery_log::disable(uuid webhook, std::string reason) const {
    co_return done(co_await db_.write(
        "update webhooks set disabled_at = now(), disabled_reason = $2 where id = $1 and disabled_at is null",
        webhook, reason));
}

}  // namespace bulkhead::webhooks
