// SPDX-License-Identifier: Apache-2.0
#include "features/webhooks/repository.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "base/text.hpp"
#include "events/delivery_job.hpp"
#include "queue/job.hpp"
#include "queue/outbox.hpp"
#include "schema/page.hpp"

namespace bulkhead::webhooks {
namespace {

using queue::job_state;
using row = postgres::result_set::row;

// Ids are UUIDv7: what is newer is greater. Behind the greatest of all comes the first page.
#define BEHIND_CURSOR "coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)"
#define WEBHOOK_COLUMNS \
    "id, url, array_to_string(events, ','), description, disabled_reason, failing_since, created_at"
#define SELECT_DELIVERIES                                                                                    \
    "select d.id, coalesce(d.repeats, d.id), d.event, d.attempts, d.last_status, d.last_duration_ms, "       \
    "d.last_error, d.created_at, d.last_attempt_at, d.finished_at, d.succeeded, j.state, j.run_at > now(), " \
    "case when j.state = 0 and d.finished_at is null then j.run_at end, d.last_response "                    \
    "from webhook_deliveries d left join jobs j on j.id = d.id where d.webhook_id = $1 "

std::string joined(const std::vector<event>& events) {
    std::vector<std::string_view> names;
    for (const auto each : events) names.push_back(schema::enum_name(each));
    std::ranges::sort(names);
    const auto [from, to] = std::ranges::unique(names);
    names.erase(from, to);
    std::string out;
    for (const auto name : names) out.append(out.empty() ? "" : ",").append(name);
    return out;
}

std::vector<event> events_in(std::string_view text) {
    std::vector<event> out;
    for (const auto name : split(text, ','))
        if (const auto known = schema::enum_from<event>(name)) out.push_back(*known);
    return out;
}

webhook read_webhook(const row& from) {
    auto reason = from.get<std::optional<std::string>>(4);
    const bool enabled = !reason;
    return {.id = from.get<uuid>(0),
            .url = from.get<std::string>(1),
            .events = events_in(from.get<std::string_view>(2)),
            .description = from.get<std::string>(3),
            .enabled = enabled,
            .disabled_reason = std::move(reason),
            .failing_since = from.get<std::optional<utc_time>>(5),
            .created_at = from.get<utc_time>(6)};
}

/// Until it is finished the job says how far it is. One whose job is gone will not be made any more.
delivery_state state_of(const row& from) {
    if (const auto succeeded = from.get<std::optional<bool>>(10))
        return *succeeded ? delivery_state::succeeded : delivery_state::failed;
    const auto job = from.get<std::optional<std::int16_t>>(11);
    if (!job) return delivery_state::failed;
    switch (static_cast<job_state>(*job)) {
        case job_state::waiting:
            return from.get<bool>(12) ? delivery_state::scheduled : delivery_state::pending;
        case job_state::running: return delivery_state::running;
        case job_state::cancelled: return delivery_state::cancelled;
        case job_state::succeeded:
        case job_state::failed: break;
    }
    return delivery_state::failed;
}

delivery read_delivery(const row& from) {
    return {.id = from.get<uuid>(0),
            .message_id = from.get<uuid>(1),
            .event = from.get<std::string>(2),
            .state = state_of(from),
            .attempts = from.get<std::int32_t>(3),
            .status_code = from.get<std::optional<std::int16_t>>(4),
            .latency_ms = from.get<std::optional<std::int32_t>>(5),
            .error = from.get<std::optional<std::string>>(6),
            .response = from.get<std::optional<std::string>>(14),
            .created_at = from.get<utc_time>(7),
            .last_attempt_at = from.get<std::optional<utc_time>>(8),
            .next_attempt_at = from.get<std::optional<utc_time>>(13),
            .finished_at = from.get<std::optional<utc_time>>(9)};
}

constexpr std::string_view all_webhooks = "webhooks";
std::string deliveries_of(const uuid& webhook) { return "deliveries/" + webhook.to_string(); }

/// The id to go on behind; null for the first page.
result<std::optional<uuid>> position(std::string_view list, const page_query& query) {
    if (!query.cursor) return std::nullopt;
    const auto at = schema::read_row_cursor(list, query.cursor->str());
    if (!at) return std::unexpected(at.error());
    return at->id;
}

template <class Page, class Read>
Page page_of(const postgres::result_set& rows, const page_query& query, std::string_view list, Read read) {
    return schema::page_of<Page>(rows, query.limit->value(), read, [list](const auto& last) {
        return schema::make_cursor(list, schema::row_key{.value = {}, .id = last.id});
    });
}

std::string test_body(const uuid& webhook) {
    return json::serialize(json::value{{"type", test_event},
                                       {"timestamp", to_rfc3339(utc_now())},
                                       {"data", {{"webhook_id", webhook.to_string()}}}});
}

}  // namespace

awaitable<result<webhook_page>> repository::list(page_query query) const {
    const auto behind = position(all_webhooks, query);
    if (!behind) co_return std::unexpected(behind.error());
    const auto rows =
        co_await db_.read("select " WEBHOOK_COLUMNS
                          " from webhooks where id < coalesce($1::uuid, "
                          "'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) order by id desc limit $2",
                          *behind, query.limit->value() + 1);
    if (!rows) co_return std::unexpected(rows.error());
    co_return page_of<webhook_page>(*rows, query, all_webhooks, read_webhook);
}

awaitable<result<new_webhook>> repository::add(webhook_input input, const endpoints& known) const {
    const auto id = uuid::generate();
    const auto secret = webhook_secret::generate();
    const auto sealed = known.seal(secret, tenant_.info().id, id);
    std::vector<postgres::query> statements;
    // One after the other: the second counts what the first has committed.
    statements.push_back({"select pg_advisory_xact_lock(7091022476673511275)", {}});  // "bh__hook"
    statements.push_back(
        {"insert into webhooks (id, url, events, description, sealed_secret, created_by) "
         "select $1, $2, string_to_array($3, ','), $4, $5, u.id from (select 1) once "
         "left join users u on u.id = $6 where (select count(*) from webhooks) < $7 "
         "returning " WEBHOOK_COLUMNS,
         postgres::parameters::of(id, input.url.str(), joined(input.events.items()),
                                  input.description.value().str(), sealed, user_,
                                  std::int64_t{most_webhooks})});
    const auto done = co_await db_.write_all(std::move(statements));
    if (!done) co_return std::unexpected(done.error());
    const auto& rows = done->back();
    if (rows.empty()) co_return fail(errc::quota_exceeded, "the tenant has as many webhooks as it may have");
    auto made = read_webhook(rows[0]);
    const auto shown = secret.text();
    co_return new_webhook{.id = made.id,
                          .url = std::move(made.url),
                          .events = std::move(made.events),
                          .description = std::move(made.description),
                          .enabled = true,
                          .created_at = made.created_at,
                          .secret = std::string(shown.reveal())};
}

awaitable<result<>> repository::remove(uuid id) const {
    const auto rows = co_await db_.write(
        "with dropped as (update jobs set state = $2, finished_at = now() where state = $3 and id in "
        "(select id from webhook_deliveries where webhook_id = $1 and finished_at is null)), "
        "gone as (delete from webhooks where id = $1 returning id) select id from gone",
        id, static_cast<std::int16_t>(job_state::cancelled), static_cast<std::int16_t>(job_state::waiting));
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->empty()) co_return fail(errc::not_found);
    co_return result<>{};
}

awaitable<result<webhook>> repository::enable(uuid id) const {
    const auto rows = co_await db_.write(
        "update webhooks set disabled_at = null, disabled_reason = null, failing_since = null "
        "where id = $1 returning " WEBHOOK_COLUMNS,
        id);
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->empty()) co_return fail(errc::not_found);
    co_return read_webhook((*rows)[0]);
}

awaitable<result<bool>> repository::exists(uuid webhook) const {
    const auto rows = co_await db_.read("select 1 from webhooks where id = $1", webhook);
    if (!rows) co_return std::unexpected(rows.error());
    co_return !rows->empty();
}

awaitable<result<delivery_page>> repository::deliveries(uuid webhook, page_query query) const {
    const auto list = deliveries_of(webhook);
    const auto behind = position(list, query);
    if (!behind) co_return std::unexpected(behind.error());
    const auto rows =
        co_await db_.read(SELECT_DELIVERIES "and d.id < " BEHIND_CURSOR " order by d.id desc limit $3",
                          webhook, *behind, query.limit->value() + 1);
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->empty()) {
        const auto known = co_await exists(webhook);
        if (!known) co_return std::unexpected(known.error());
        if (!*known) co_return fail(errc::not_found);
    }
    co_return page_of<delivery_page>(*rows, query, list, read_delivery);
}

awaitable<result<delivery>> repository::find_delivery(uuid webhook, uuid id) const {
    const auto rows = co_await db_.read(SELECT_DELIVERIES "and d.id = $2", webhook, id);
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->empty()) co_return fail(errc::not_found);
    co_return read_delivery((*rows)[0]);
}

/// What is about to be written is found, should the request fail after that.
awaitable<> repository::hint() const {
    return tenant_.request().service<queue::outbox>().hint_at(tenant_.info().id);
}

awaitable<result<delivery>> repository::begun(uuid webhook, uuid id) const {
    events::run_jobs_of(tenant_, id.to_string());
    co_return co_await find_delivery(webhook, id);
}

awaitable<result<delivery>> repository::send_test(uuid webhook) const {
    static const auto sql =
        "with told as (insert into webhook_deliveries (id, webhook_id, event, body) "
        "select $1, w.id, $3, $4 from webhooks w where w.id = $2 for key share returning id) " +
        events::insert_jobs_of("told");
    const auto id = uuid::generate();
    co_await hint();
    const auto rows =
        co_await db_.write(postgres::statement(sql), id, webhook, test_event, test_body(webhook));
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->empty()) co_return fail(errc::not_found);
    co_return co_await begun(webhook, id);
}

awaitable<result<delivery>> repository::redeliver(uuid webhook, uuid id) const {
    static const auto sql =
        "with told as (insert into webhook_deliveries (id, webhook_id, repeats, event, body) "
        "select $1, w.id, coalesce(d.repeats, d.id), d.event, d.body from webhook_deliveries d "
        "join webhooks w on w.id = d.webhook_id and w.disabled_at is null "
        "where d.id = $3 and d.webhook_id = $2 for key share of w returning id) " +
        events::insert_jobs_of("told");
    const auto fresh = uuid::generate();
    co_await hint();
    const auto rows = co_await db_.write(postgres::statement(sql), fresh, webhook, id);
    if (!rows) co_return std::unexpected(rows.error());
    if (!rows->empty()) co_return co_await begun(webhook, fresh);
    const auto known = co_await find_delivery(webhook, id);
    if (!known) co_return std::unexpected(known.error());
    co_return fail(errc::conflict, "the webhook is disabled");
}

}  // namespace bulkhead::webhooks
