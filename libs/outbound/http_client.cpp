// SPDX-License-Identifier: Apache-2.0
#include "outbound/http_client.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <exception>

#include "base/text.hpp"
#include "observability/log.hpp"
#include "runtime/or_die.hpp"

namespace bulkhead::outbound {
namespace {

struct ending_row {
    ending how;
    std::string_view name, text;
};

constexpr std::array ending_rows{
    ending_row{ending::answered, "answered", "the server answered"},
    ending_row{ending::refused, "refused", "this URL is not called"},
    ending_row{ending::unresolved, "unresolved", "the host has no address"},
    ending_row{ending::unreachable, "unreachable", "no connection could be made"},
    ending_row{ending::untrusted, "untrusted", "the TLS handshake failed, or the certificate is not valid"},
    ending_row{ending::timed_out, "timed_out", "there was no answer in time"},
    ending_row{ending::broken, "broken", "the answer was not complete, or not HTTP"},
};

/// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
    static constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               marks.find(c) != std::string_view::npos;
    };
    return !text.empty() && std::ranges::all_of(text, fits);
}

bool is_value(std::string_view text) {
    return std::ranges::none_of(
        text, [](char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f'; });
}

/// Headers that the client writes itself, or never.
bool is_reserved(std::string_view name) {
    constexpr std::array reserved{"connection", "content-length",    "cookie",  "expect",
                                  "host",       "transfer-encoding", "upgrade", "user-agent"};
    return std::ranges::any_of(reserved, [&](std::string_view each) { return iequals(name, each); });
}

bool can_be_sent(const http_request& request) {
    return std::ranges::all_of(request.headers, [](const auto& header) {
        return is_token(header.first) && !is_reserved(header.first) && is_value(header.second);
    });
}

}  // namespace

std::string_view ending_name(ending value) noexcept {
    return ending_rows[static_cast<std::size_t>(value)].name;
}

std::string_view ending_text(ending value) noexcept {
    return ending_rows[static_cast<std::size_t>(value)].text;
}

/// Shared by who waits and who works: whoever is late finds it still there.
struct http_client::call {
    call(executor where, http_request what, runtime::deadline when)
        : request(std::move(what)), until(when), finished(where) {}

    const http_request request;
    const runtime::deadline until;
    std::atomic<bool> begun{false};
    std::atomic<bool> abandoned{false};
    std::optional<result<http_outcome>> outcome{};  // the reactor's, and so is the next
    steady_timer finished;
};

http_client::http_client(runtime::blocking_pool& threads, metrics::registry& registry,
                         http_client_settings settings)
    : threads_(threads),
      settings_(std::move(settings)),
      trust_(settings_.trust),
      durations_(registry.add_histogram("bulkhead_outbound_request_duration_seconds",
                                        "Calls to URLs of customers, from the first packet to the end",
                                        metrics::latency_bounds())) {
    static_assert(std::tuple_size_v<decltype(ended_)> == ending_rows.size());
    for (const auto& row : ending_rows)
        ended_[static_cast<std::size_t>(row.how)] = &registry.add_counter(
            "bulkhead_outbound_requests_total", "Calls to URLs of customers, by how they ended",
            metrics::label("ending", row.name));
    registry.add_gauge_sampler("bulkhead_outbound_queue", "Calls to URLs of customers that wait for a thread",
                               [&threads] { return static_cast<double>(threads.waiting()); });
}

void http_client::stop_by(clock::time_point when) noexcept { end_.store(when.time_since_epoch().count()); }

bool http_client::is_stopping() const noexcept {
    return clock::now().time_since_epoch().count() >= end_.load();
}

awaitable<result<http_outcome>> http_client::post(http_request request, runtime::deadline until) {
    if (!can_be_sent(request)) co_return fail(errc::internal, "a header of the request cannot be sent");
    if (is_stopping()) co_return fail(errc::unavailable, "the server is stopping");
    const auto where = co_await net::this_coro::executor;
    const auto work = std::make_shared<call>(where, std::move(request), until);
    work->finished.expires_at(until.at());
    net::co_spawn(where, work_on(work), or_die);
    co_await work->finished.async_wait(use_tuple);
    if (work->outcome) co_return std::move(*work->outcome);
    work->abandoned = true;
    if (!work->begun) co_return fail(errc::unavailable, "too many calls are waiting");
    http_outcome late;
    late.how = ending::timed_out;
    late.reason = "the caller's time was up";
    co_return late;
}

awaitable<void> http_client::work_on(std::shared_ptr<call> work) {
    auto job = [this, work] { return perform(*work); };
    result<http_outcome> outcome = fail(errc::internal, "the call could not be made");
    try {
        outcome = co_await threads_.run(std::move(job));
    } catch (const std::exception& e) {
        log::error("a call to a customer's URL failed", {{"reason", e.what()}});
    }
    if (outcome && work->begun) count(*outcome);
    if (outcome && outcome->how == ending::timed_out) {  // or was it our fault?
        if (is_stopping())
            outcome = fail(errc::unavailable, "the server is stopping");
        else if (!work->begun)
            outcome = fail(errc::unavailable, "too many calls are waiting");
    }
    work->outcome = std::move(outcome);
    work->finished.expires_at(clock::time_point::min());  // ends the wait, whether it has begun or not
}

/// On a thread of the pool.
http_outcome http_client::perform(call& work) const {
    http_outcome out;
    out.how = ending::timed_out;
    const auto go_on = [this, &work] { return !work.abandoned && !is_stopping(); };
    if (!go_on() || work.until.passed()) return out;
    work.begun = true;
    const auto refuse = [&out](refusal&& why) {
        out.how = ending::refused;
        out.reason = std::move(why.detail);
        return out;
    };
    auto target = check_target(work.request.url, settings_.rules);
    if (!target) return refuse(std::move(target).error());
    auto addresses = addresses_of(*target, settings_.rules, settings_.resolve);
    if (!addresses) return refuse(std::move(addresses).error());
    if (addresses->empty()) {
        out.how = ending::unresolved;
        return out;
    }
    auto limits = settings_.limits;
    limits.whole = std::min(limits.whole, work.until.remaining());
    if (limits.whole.count() == 0 || !go_on()) return out;
    http_transfer transfer(*target, *addresses, settings_.rules, trust_, limits);
    return transfer.post(work.request, go_on);
}

void http_client::count(const http_outcome& outcome) {
    constexpr double milliseconds_per_second = 1000;
    ended_[static_cast<std::size_t>(outcome.how)]->add();
    durations_.observe(static_cast<double>(outcome.took.count()) / milliseconds_per_second);
}

}  // namespace bulkhead::outbound
