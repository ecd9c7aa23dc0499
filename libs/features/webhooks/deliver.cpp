// SPDX-License-Identifier: Apache-2.0
#include "features/webhooks/deliver.hpp"

#include <fmt/format.h>

#include "base/fail_point.hpp"
#include "base/random.hpp"
#include "features/webhooks/model.hpp"
#include "features/webhooks/retries.hpp"
#include "observability/log.hpp"

namespace bulkhead::webhooks {
namespace {

using outbound::ending;
using outbound::http_outcome;
using queue::give_up;

constexpr unsigned gone = 410;
constexpr std::chrono::milliseconds call_limit{30'000};

/// For the customer, who sees it in the list of deliveries.
std::string reason_of(const http_outcome& call) {
    if (call.how == ending::refused && !call.reason.empty()) return call.reason;
    if (call.how != ending::answered) return std::string(outbound::ending_text(call.how));
    if (call.status >= 300 && call.status < 400)
        return fmt::format("answered {}: redirections are not followed", call.status);
    return fmt::format("answered {}", call.status);
}

}  // namespace

awaitable<queue::run_outcome> deliver::run(queue::job_context& job, payload) {
    auto found = co_await delivery_log(job.steps()).find(job.id());
    if (!found) co_return queue::failed_with(found.error());
    if (!*found) co_return json::value{{"skipped", "the webhook is gone"}};
    auto what = **std::move(found);
    if (what.finished) co_return json::value{{"skipped", "it was finished before"}};
    if (what.disabled && what.event != test_event) co_return co_await leave(job, "the webhook is disabled");
    co_return co_await call(job, std::move(what));
}

awaitable<queue::run_outcome> deliver::call(queue::job_context& job, assignment what) const {
    const auto secret = known_.open(what.sealed_secret, job.tenant().id, what.webhook);
    if (!secret && secret.error().code == errc::conflict) {
        const std::string reason = "the secret does not belong to this tenant: make the webhook anew";
        const auto noted = co_await delivery_log(job.steps()).disable(what.webhook, reason);
        if (!noted) co_return queue::failed_with(noted.error());
        co_return co_await leave(job, reason);
    }
    if (!secret) co_return queue::failed_with(secret.error());
    const auto id = what.message.to_string();
    const webhook_message message{
        .id = id,
        .sent = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()),
        .body = what.body};
    outbound::http_request request{.url = what.url, .headers = {}, .body = what.body};
    request.headers = webhook_headers({&*secret, 1}, message);
    request.headers.emplace_back("Content-Type", "application/json");
    const runtime::deadline until(
        std::min(job.deadline().at(), runtime::deadline::clock::now() + call_limit));
    const auto answer = co_await client_.post(std::move(request), until);
    if (!answer) co_return queue::failed_with(answer.error());
    fail_point("webhook.after-call");
    if (!answer->succeeded()) co_return co_await accept_failure(job, std::move(what), *answer);
    const auto noted = co_await delivery_log(job.db()).note_success(job.id(), *answer);
    if (!noted) co_return queue::failed_with(noted.error());
    co_return json::value{{"status", answer->status}};
}

awaitable<queue::run_outcome> deliver::accept_failure(queue::job_context& job, assignment what,
                                                      http_outcome call) const {
    const bool test = what.event == test_event;
    const auto wait =
        wait_after_call(what.calls + 1, jitter(), call.retry_after.value_or(std::chrono::seconds{0}));
    verdict judged{.reason = reason_of(call), .counts = !test, .patience = settings_.disable_after};
    judged.gone = call.how == ending::answered && call.status == gone;
    judged.last = test || judged.gone || !wait || job.last_attempt();
    const auto disabled = co_await delivery_log(job.steps()).note_failure(job.id(), call, judged);
    if (!disabled) co_return queue::failed_with(disabled.error());
    if (*disabled)
        log::warn(
            "webhook disabled",
            {{"tenant", job.tenant().slug}, {"webhook", what.webhook.to_string()}, {"reason", **disabled}});
    if (judged.last) co_return give_up(judged.reason);
    co_return queue::try_again(judged.reason, *wait);
}

/// Without a call, and for good.
awaitable<queue::run_outcome> deliver::leave(queue::job_context& job, std::string reason) const {
    const auto noted = co_await delivery_log(job.steps()).note_end(job.id(), reason);
    if (!noted) co_return queue::failed_with(noted.error());
    co_return give_up(std::move(reason));
}

}  // namespace bulkhead::webhooks
