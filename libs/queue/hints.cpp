// SPDX-License-Identifier: Apache-2.0
#include "queue/hints.hpp"

#include <charconv>

#include "queue/dispatch_scripts.hpp"

namespace bulkhead::queue {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view hints_key = "bh:q:hints";
constexpr std::string_view rounds_key = "bh:q:rounds";

struct hint_scripts {
    redis::script give = script_named("hint_give");
    redis::script take = script_named("hint_take");
    redis::script settle = script_named("hint_settle");
    redis::script begin_round = script_named("round_begin");
    redis::script end_round = script_named("round_end");
    redis::script meet = script_named("round_met");
};

const hint_scripts& all_scripts() {
    static const hint_scripts all;
    return all;
}

std::vector<std::string> key(std::string_view name) { return {std::string(name)}; }

std::unexpected<error> not_understood() {
    return fail(errc::internal, "an answer of Redis cannot be understood");
}

awaitable<result<>> done(awaitable<result<redis::redis_reply>> asked) {
    const auto reply = co_await std::move(asked);
    if (!reply) co_return std::unexpected(reply.error());
    co_return result<>{};
}

/// Four elements from `at`.
std::optional<taken_hint> read_hint(const redis::redis_reply::array& parts, std::size_t at) {
    const auto tenant = uuid::parse(parts[at].text().value_or(""));
    const auto late = parts[at + 1].integer();
    const auto looks_done = parts[at + 2].integer();
    const auto mark = parts[at + 3].text();
    if (!tenant || !late || !looks_done || !mark) return std::nullopt;
    return taken_hint{.tenant = *tenant,
                      .late = milliseconds(*late),
                      .looks_done = static_cast<unsigned>(*looks_done),
                      .mark = std::string(*mark)};
}

}  // namespace

awaitable<result<>> hints::give(std::vector<hint> all) const {
    std::vector<std::string> arguments;
    for (const auto& each : all) {
        arguments.push_back(each.tenant.to_string());
        arguments.push_back(std::to_string(each.delay.count()));
        arguments.push_back(std::to_string(each.looks_done));
    }
    return done(redis_.run(all_scripts().give, key(hints_key), std::move(arguments)));
}

awaitable<result<hints::taken>> hints::take(unsigned most, milliseconds hidden) const {
    auto& redis = redis_;
    std::vector<std::string> arguments;
    arguments.push_back(std::to_string(most));
    arguments.push_back(std::to_string(hidden.count()));
    auto asked = redis.run(all_scripts().take, key(hints_key), std::move(arguments));
    const auto reply = co_await std::move(asked);
    if (!reply) co_return std::unexpected(reply.error());
    const auto* const parts = reply->elements();
    if (!parts || parts->size() < 2 || parts->size() % 4 != 2) co_return not_understood();
    const auto known = (*parts)[0].integer();
    const auto next = (*parts)[1].integer();
    if (!known || !next) co_return not_understood();
    taken out;
    out.known = static_cast<std::uint64_t>(*known);
    if (*next >= 0) out.next = milliseconds(*next);
    for (std::size_t i = 2; i < parts->size(); i += 4) {
        auto one = read_hint(*parts, i);
        if (!one) co_return not_understood();
        out.due.push_back(*std::move(one));
    }
    co_return out;
}

awaitable<result<>> hints::settle(taken_hint what, std::optional<milliseconds> again,
                                  unsigned looks_done) const {
    std::vector<std::string> arguments;
    arguments.push_back(what.tenant.to_string());
    arguments.push_back(std::move(what.mark));
    arguments.push_back(again ? std::to_string(again->count()) : "-1");
    arguments.push_back(std::to_string(looks_done));
    return done(redis_.run(all_scripts().settle, key(hints_key), std::move(arguments)));
}

awaitable<result<hints::round_answer>> hints::begin_round(milliseconds busy, milliseconds every) const {
    std::vector<std::string> arguments;
    arguments.push_back(std::to_string(busy.count()));
    arguments.push_back(std::to_string(every.count()));
    auto asked = redis_.run(all_scripts().begin_round, key(rounds_key), std::move(arguments));
    const auto reply = co_await std::move(asked);
    if (!reply) co_return std::unexpected(reply.error());
    const auto* const parts = reply->elements();
    if (!parts || parts->size() != 2) co_return not_understood();
    const auto why = (*parts)[0].integer();
    const auto run = (*parts)[1].text();
    if (!why || *why < 0 || *why > 2 || !run) co_return not_understood();
    co_return round_answer{.why = static_cast<round>(*why), .run = std::string(*run)};
}

awaitable<result<>> hints::end_round(std::string run) const {
    std::vector<std::string> arguments;
    arguments.push_back(std::move(run));
    return done(redis_.run(all_scripts().end_round, key(rounds_key), std::move(arguments)));
}

awaitable<result<>> hints::meet(std::string server, std::string who) const {
    std::vector<std::string> arguments;
    arguments.push_back(std::move(server));
    arguments.push_back(std::move(who));
    return done(redis_.run(all_scripts().meet, key(rounds_key), std::move(arguments)));
}

}  // namespace bulkhead::queue
