// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/limiter.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <boost/asio/co_spawn.hpp>
#include <charconv>
#include <cmath>
#include <utility>

#include "observability/log.hpp"
#include "ratelimit/check_script.hpp"
#include "runtime/or_die.hpp"

namespace bulkhead::ratelimit {
namespace {

constexpr std::size_t checks_of_call = 64;  // Redis does nothing else meanwhile
constexpr auto a_moment = milliseconds{2};
constexpr auto owed_for = milliseconds{5};  // what nobody waits for; well below credit::fresh
constexpr std::size_t most_waiting = 64;    // calls

metrics::counter& check_counter(metrics::registry& numbers, std::string_view source) {
    return numbers.add_counter("bulkhead_rate_checks_total",
                               "Requests that were counted against a limit, by where",
                               metrics::label("source", source));
}

milliseconds local_time() {
    return std::chrono::duration_cast<milliseconds>(steady_clock::now().time_since_epoch());
}

double stored_number(std::string_view state, std::size_t index) {
    std::uint64_t bits = 0;
    for (std::size_t byte = sizeof bits; byte-- > 0;)
        bits = bits << 8 | static_cast<unsigned char>(state[index * sizeof bits + byte]);
    return std::bit_cast<double>(bits);
}

/// The first window of what is stored in a key; one without requests when that is nothing.
sliding_window stored_window(std::string_view state) {
    if (state.size() < stored_size) return {};
    const auto number = [&](std::size_t index) {
        return static_cast<std::int64_t>(stored_number(state, index));
    };
    return {milliseconds{number(0)}, milliseconds{number(1)}, number(2), number(3), milliseconds{number(4)}};
}

/// Numbers from Redis decide nothing that they cannot be.
bool makes_sense(const standing& at, const subjects& of) {
    if (at.subject >= of.size()) return false;
    const auto& windows = of[at.subject].rule->windows();
    if (at.window >= windows.size()) return false;
    const auto longest = 2 * windows[at.window].length;
    const auto possible = [&](milliseconds time) { return time >= milliseconds::zero() && time <= longest; };
    return possible(at.wait) && possible(at.reset) && at.left >= 0;
}

/// The answer of TIME.
std::optional<milliseconds> time_of(const redis::redis_reply& reply) {
    const auto* const parts = reply.elements();
    if (!parts || parts->size() != 2) return std::nullopt;
    std::array<std::int64_t, 2> numbers{};
    for (std::size_t i = 0; i < 2; ++i) {
        const auto text = (*parts)[i].text().value_or("");
        if (std::from_chars(text.data(), text.data() + text.size(), numbers[i]).ec != std::errc{})
            return std::nullopt;
    }
    return milliseconds{numbers[0] * 1000 + numbers[1] / 1000};
}

}  // namespace

/// The checks that go to Redis together.
struct limiter::call {
    call(executor where, milliseconds patience) : done(where, patience) {}
    steady_timer done;  // its cancellation says that the answer is there, or that none will come
    std::vector<std::string> keys;
    std::vector<std::string> arguments;
    std::size_t checks = 0;
    std::vector<std::string> debts;    // that are counted after the checks
    std::vector<std::int64_t> answer;  // numbers_of_check for each; empty: none

    [[nodiscard]] standing standing_of(std::size_t place) const {
        const auto* const numbers = answer.data() + place * numbers_of_check;
        const auto where = static_cast<std::size_t>(numbers[1]);
        return {.wait = milliseconds{numbers[0]},
                .subject = where / most_windows,
                .window = where % most_windows,
                .left = numbers[2],
                .reset = milliseconds{numbers[3]}};
    }
};

fallback::fallback(metrics::registry& numbers) {
    numbers.add_gauge_sampler("bulkhead_rate_entries", "Clients that this process has counted by itself",
                              [this] { return static_cast<double>(counts.entries()); });
}

void fallback::lost(std::string_view why) {
    if (without_redis_.fetch_add(1) == 0)
        log::warn("rate limits hold for this process alone: Redis does not count", {{"reason", why}});
}

void fallback::found() {
    if (without_redis_.fetch_sub(1) == 1) log::info("rate limits hold for all processes again");
}

limiter::limiter(executor where, redis::redis_client& shared, fallback& local, metrics::registry& numbers,
                 milliseconds patience)
    : executor_(where),
      shared_(shared),
      local_(local),
      patience_(patience),
      checks_shared_(check_counter(numbers, "redis")),
      checks_local_(check_counter(numbers, "local")),
      pause_(where) {}

awaitable<standing> limiter::check(const subjects& of) {
    if (!usable()) co_return check_here(of);
    if (auto at = credit_.spend(of, steady_clock::now()); at && makes_sense(*at, of)) {
        checks_shared_.add();
        begin_to_send();
        co_return *at;
    }
    std::size_t place = 0;
    const auto joined = join(of, place);
    if (!joined) co_return check_here(of);
    co_await joined->done.async_wait(use_tuple);
    if (joined->answer.empty()) {  // a busy reactor may not have read yet what came in time
        steady_timer moment(executor_, a_moment);
        co_await moment.async_wait(use_tuple);
    }
    if (joined->answer.empty()) {
        late_ = sending_;
        co_return check_here(of);
    }
    const auto at = joined->standing_of(place);
    if (!makes_sense(at, of)) co_return check_here(of);
    checks_shared_.add();
    credit_.learn(of, at, steady_clock::now());
    co_return at;
}

bool limiter::usable() {
    if (!shared_.connected()) note(false, "it is not connected");
    return shared_.connected() && !late_;
}

/// Adds a check to the next call, as its `place`-th; null when too many wait.
std::shared_ptr<limiter::call> limiter::join(const subjects& of, std::size_t& place) {
    if (waiting_.empty() || waiting_.back()->checks == checks_of_call) {
        if (waiting_.size() == most_waiting) return nullptr;
        waiting_.push_back(std::make_shared<call>(executor_, patience_));
    }
    auto joined = waiting_.back();
    for (const auto& each : of) {
        joined->keys.push_back(each.key);
        joined->arguments.push_back(each.rule->script_argument());
        if (&each != &of.front()) joined->arguments.back().insert(0, same_request);
    }
    place = joined->checks++;
    pause_.cancel();
    begin_to_send();
    return joined;
}

void limiter::begin_to_send() {
    if (!std::exchange(sending_, true)) net::co_spawn(executor_, send(), or_die);
}

/// What waits, and what is owed.
std::shared_ptr<limiter::call> limiter::next_call() {
    while (!waiting_.empty() && waiting_.front()->done.expiry() <= steady_clock::now())
        waiting_.pop_front();  // nobody waits for it any more
    if (waiting_.empty() && !credit_.owes()) return nullptr;
    auto next = waiting_.empty() ? std::make_shared<call>(executor_, patience_) : std::move(waiting_.front());
    if (!waiting_.empty()) waiting_.pop_front();
    while (credit_.owes() && next->debts.size() < checks_of_call) {
        auto debt = credit_.take();
        for (std::size_t i = 0; i < debt.keys.size(); ++i) {
            next->keys.push_back(std::move(debt.keys[i]));
            next->arguments.push_back(
                fmt::format("{}={}={}", i == 0 ? "" : same_request, debt.count, debt.rules[i]));
        }
        next->debts.push_back(std::move(debt.name));
    }
    return next;
}

/// Sends calls, one after the other, until there is nothing to send.
awaitable<> limiter::send() {
    for (;;) {
        if (waiting_.empty() && credit_.owes()) {
            pause_.expires_after(owed_for);
            co_await pause_.async_wait(use_tuple);
        }
        const auto next = next_call();
        if (!next) break;
        const auto reply = co_await shared_.run(check_script(), std::move(next->keys),
                                                std::move(next->arguments), 2 * patience_);
        late_ = false;
        const bool served = take_answer(*next, reply);
        note(served, reply ? "it gives an answer that makes no sense" : reply.error().detail);
        settle(*next);
        next->done.cancel();
    }
    sending_ = false;
}

void limiter::settle(const call& done) {
    const auto now = steady_clock::now();
    for (std::size_t i = 0; i < done.debts.size(); ++i) {
        if (done.answer.empty())
            credit_.forget(done.debts[i]);
        else
            credit_.settle(done.debts[i], done.standing_of(done.checks + i), now);
    }
}

bool limiter::take_answer(call& done, const result<redis::redis_reply>& reply) {
    const auto* const numbers = reply ? reply->elements() : nullptr;
    if (!numbers || numbers->size() != (done.checks + done.debts.size()) * numbers_of_check) return false;
    std::vector<std::int64_t> read;
    read.reserve(numbers->size());
    for (const auto& each : *numbers) {
        const auto number = each.integer();
        if (!number) return false;
        read.push_back(*number);
    }
    done.answer = std::move(read);
    return true;
}

void limiter::note(bool served, std::string_view why) {
    if (served != std::exchange(away_, !served)) return;
    served ? local_.found() : local_.lost(why);
}

standing limiter::check_here(const subjects& of) {
    checks_local_.add();
    return local_.counts.check(of, local_time());
}

awaitable<std::int64_t> limiter::counted(subject of) {
    std::vector<std::vector<std::string>> ask{{"TIME"}, {"GET", of.key}};
    const auto replies = co_await shared_.commands(std::move(ask), patience_);
    const auto now = replies ? time_of(replies->front()) : std::nullopt;
    if (!now || replies->back().error()) co_return local_.counts.counted(of, local_time());
    auto window = stored_window(replies->back().text().value_or(""));
    window.advance(*now, of.rule->windows().front().length);
    co_return std::llround(std::ceil(window.used(*now)));
}

}  // namespace bulkhead::ratelimit
