// SPDX-License-Identifier: Apache-2.0
#include "queue/dispatch.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "observability/log.hpp"
#include "queue/dispatch_scripts.hpp"
#include "queue/dispatch_wire.hpp"

namespace bulkhead::queue {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t jobs_of_call = 100;  // Redis does nothing else meanwhile
constexpr std::size_t bytes_of_call = 1u << 20;
constexpr milliseconds slots_said_every{5'000};  // turn.lua forgets them after 20 s
constexpr milliseconds patience_of_checks{5'000};
constexpr unsigned most_steps = 1'000'000;
constexpr std::size_t most_findings = 10'000;

using strings = std::vector<std::string>;

/// Says that something cannot be believed.
std::unexpected<error> nonsense(dispatch_script which) {
    log::warn("queue: Redis gave an answer that cannot be", {{"script", script_name(which)}});
    return fail(errc::unavailable);
}

unsigned usable(unsigned shards) {
    if (shards == 0) throw std::logic_error("a queue needs a shard");
    return shards;
}

strings turn_arguments(const fetch_wish& wish, unsigned most, unsigned slots) {
    const auto lease = std::max<std::int64_t>(wish.lease.count(), 1);
    const auto cost = std::clamp<std::int64_t>(wish.usual_cost.count(), 1, 86'400'000'000);
    return {wire::owner_tag(wish.owner), std::to_string(most), std::to_string(lease), std::to_string(cost),
            std::to_string(slots)};
}

}  // namespace

unsigned shard_of(const uuid& tenant, unsigned shards) noexcept {
    std::uint64_t hash = 0xCBF29CE484222325;  // FNV-1a, 64 bits; the same for ever
    for (const auto byte : tenant.bytes) hash = (hash ^ byte) * 0x100000001B3;
    return static_cast<unsigned>((hash ^ hash >> 32) % shards);
}

std::string key_base(place where) {
    std::string out = "bh:q:{";
    out += lane_name(where.lane);
    out += '.';
    out += std::to_string(where.shard);
    return out += "}:";
}

dispatch::dispatch(redis::redis_client& redis, unsigned shards, milliseconds patience)
    : redis_(redis), shards_(usable(shards)), patience_(patience) {}

awaitable<result<redis::redis_reply>> dispatch::run(dispatch_script which, place where,
                                                    strings arguments) const {
    const auto limit = which == dispatch_script::check ? std::max(patience_, patience_of_checks) : patience_;
    strings keys;
    keys.push_back(key_base(where));
    auto reply = co_await redis_.run(script_of(which), std::move(keys), std::move(arguments), limit);
    if (!reply) {
        if (reply.error().code == errc::internal)
            log::error("queue: a script failed; are the queue's keys damaged?",
                       {{"script", script_name(which)}, {"place", key_base(where)}});
        co_return reply;
    }
    if (const auto text = reply->text(); text && text->starts_with("LAYOUT")) {
        log::error("queue: the jobs in Redis are laid out by another version of this program",
                   {{"found", *text}, {"place", key_base(where)}});
        co_return fail(errc::unavailable);
    }
    co_return reply;
}

awaitable<result<std::vector<push_outcome>>> dispatch::push(std::vector<ticket> all) {
    std::map<place, std::vector<std::size_t>> by_place;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (auto good = wire::check_ticket(all[i]); !good) co_return std::unexpected(good.error());
        by_place[place_of(all[i].tenant, all[i].lane)].push_back(i);
    }
    std::vector<push_outcome> out(all.size(), push_outcome::queued);
    for (const auto& [where, members] : by_place) {
        for (std::size_t first = 0; first < members.size();) {
            strings arguments;
            std::size_t bytes = 0, end = first;
            for (; end < members.size() && end - first < jobs_of_call; ++end) {
                auto packed = wire::pack_ticket(all[members[end]]);
                if (end > first && bytes + packed.size() > bytes_of_call) break;
                bytes += packed.size();
                arguments.push_back(wire::id_bytes(all[members[end]].id));
                arguments.push_back(std::move(packed));
            }
            const auto reply = co_await run(dispatch_script::push, where, std::move(arguments));
            if (!reply) co_return std::unexpected(reply.error());
            const auto outcomes = wire::read_push(*reply, end - first);
            if (!outcomes) co_return nonsense(dispatch_script::push);
            for (const auto outcome : *outcomes) out[members[first++]] = outcome;
        }
    }
    co_return out;
}

awaitable<result<dispatch::turn>> dispatch::fetch(place where, fetch_wish wish) {
    std::vector<settlement> nothing;
    return settle(where, std::move(nothing), std::move(wish));
}

unsigned dispatch::slots_to_say(place where, const fetch_wish& wish) {
    if (wish.slots == 0) return 0;
    auto& said = slots_said_[where];
    const auto now = steady_clock::now();
    if (said.slots == wish.slots && said.owner == wish.owner && now - said.at < slots_said_every) return 0;
    said = {.slots = wish.slots, .owner = wish.owner, .at = now};
    return wish.slots;
}

awaitable<result<dispatch::turn>> dispatch::settle(place where, std::vector<settlement> settled,
                                                   fetch_wish wish) {
    turn out;
    std::size_t first = 0;
    do {
        const auto count = std::min(jobs_of_call, settled.size() - first);
        const bool last = first + count == settled.size();
        const auto most = last ? std::min<unsigned>(wish.most, jobs_of_call) : 0;
        auto arguments = turn_arguments(wish, most, last ? slots_to_say(where, wish) : 0);
        arguments.push_back(std::to_string(count));
        for (const auto end = first + count; first < end; ++first) {
            arguments.push_back(wire::id_bytes(settled[first].id));
            arguments.push_back(wire::pack_settlement(settled[first]));
        }
        const auto reply = co_await run(dispatch_script::turn, where, std::move(arguments));
        if (!reply) {
            slots_said_.erase(where);
            co_return std::unexpected(reply.error());
        }
        auto part = wire::read_turn(*reply, where);
        if (!part || part->deliveries.size() > most) co_return nonsense(dispatch_script::turn);
        out.stale += part->stale;
        out.next = part->next;
        std::ranges::move(part->deliveries, std::back_inserter(out.deliveries));
        std::ranges::move(part->want_more, std::back_inserter(out.want_more));
    } while (first < settled.size());
    co_return out;
}

awaitable<result<beat_news>> dispatch::beat(place where, std::string owner, milliseconds lease,
                                            std::vector<job_progress> jobs) {
    beat_news out;
    for (std::size_t first = 0; first < jobs.size();) {
        strings arguments{wire::owner_tag(owner), std::to_string(std::max<std::int64_t>(lease.count(), 1))};
        for (const auto end = std::min(first + jobs_of_call, jobs.size()); first < end; ++first) {
            arguments.push_back(wire::id_bytes(jobs[first].id));
            arguments.push_back(wire::pack_progress(jobs[first]));
        }
        const auto reply = co_await run(dispatch_script::beat, where, std::move(arguments));
        if (!reply) co_return std::unexpected(reply.error());
        auto part = wire::read_beat(*reply);
        if (!part) co_return nonsense(dispatch_script::beat);
        std::ranges::move(part->lost, std::back_inserter(out.lost));
        std::ranges::move(part->cancelled, std::back_inserter(out.cancelled));
    }
    co_return out;
}

awaitable<result<dispatch::reaped>> dispatch::reap(place where, std::string owner, unsigned most) {
    strings arguments{std::to_string(std::min<unsigned>(most, jobs_of_call)), wire::owner_tag(owner)};
    const auto reply = co_await run(dispatch_script::reap, where, std::move(arguments));
    if (!reply) co_return std::unexpected(reply.error());
    auto out = wire::read_reap(*reply, where);
    if (!out) co_return nonsense(dispatch_script::reap);
    co_return *std::move(out);
}

awaitable<result<cancel_outcome>> dispatch::cancel(uuid tenant, lane which, uuid id, bool row_waits) {
    const auto where = place_of(tenant, which);
    strings arguments{wire::id_bytes(tenant), wire::id_bytes(id), row_waits ? "1" : "0"};
    const auto reply = co_await run(dispatch_script::cancel, where, std::move(arguments));
    if (!reply) co_return std::unexpected(reply.error());
    const auto out = wire::read_cancel(*reply);
    if (!out) co_return nonsense(dispatch_script::cancel);
    co_return *out;
}

awaitable<result<>> dispatch::set_rules(uuid tenant, lane which, tenant_rules rules) {
    // Beyond these, virtual time could not tell one job's cost any more.
    const auto weight = rules.weight > 0 ? std::clamp(rules.weight, 0.01, 100.0) : 0.01;
    const auto rate = rules.per_second ? std::clamp(*rules.per_second, 0.0001, 1e6) : 0.0;
    constexpr unsigned countable = 1'000'000'000;
    const bool usual = rules == tenant_rules{};
    strings arguments{
        wire::id_bytes(tenant),
        std::to_string(weight),
        rules.most_running ? std::to_string(std::min(*rules.most_running, countable)) : std::string("-1"),
        std::to_string(rate),
        std::to_string(std::clamp(rules.burst, 1u, countable)),
        std::to_string(std::min(rules.most_waiting, countable)),
        std::to_string(std::min(rules.most_kept, countable)),
        usual ? "1" : "0"};
    const auto where = place_of(tenant, which);
    const auto reply = co_await run(dispatch_script::set_rules, where, std::move(arguments));
    if (!reply) co_return std::unexpected(reply.error());
    co_return result<>{};
}

awaitable<result<std::size_t>> dispatch::purge(uuid tenant, bool again) {
    std::size_t deleted = 0;
    for (std::size_t which = 0; which < lanes; ++which) {
        const auto where = place_of(tenant, static_cast<lane>(which));
        wire::progress at{.next_step = 1, .cursor = "0"};
        for (unsigned steps = 0; at.next_step != 0; ++steps) {
            if (steps == most_steps) co_return fail(errc::unavailable);  // somebody pushes as fast as this
            strings arguments{wire::id_bytes(tenant), std::to_string(at.next_step), at.cursor,
                              again ? "1" : "0"};
            const auto reply = co_await run(dispatch_script::purge, where, std::move(arguments));
            if (!reply) co_return std::unexpected(reply.error());
            auto part = wire::read_purge(*reply);
            if (!part) co_return nonsense(dispatch_script::purge);
            deleted += part->done;
            at = *std::move(part);
        }
    }
    co_return deleted;
}

awaitable<result<dispatch::numbers>> dispatch::count(place where) {
    strings none;
    const auto reply = co_await run(dispatch_script::count, where, std::move(none));
    if (!reply) co_return std::unexpected(reply.error());
    const auto out = wire::read_count(*reply);
    if (!out) co_return nonsense(dispatch_script::count);
    co_return *out;
}

awaitable<result<dispatch::explanation>> dispatch::explain(uuid tenant, lane which, uuid id) {
    const auto where = place_of(tenant, which);
    strings arguments{wire::id_bytes(tenant), wire::id_bytes(id)};
    const auto reply = co_await run(dispatch_script::explain, where, std::move(arguments));
    if (!reply) co_return std::unexpected(reply.error());
    auto out = wire::read_explain(*reply);
    if (!out) co_return nonsense(dispatch_script::explain);
    co_return *std::move(out);
}

awaitable<result<std::vector<std::string>>> dispatch::check(place where, bool repair) {
    std::vector<std::string> out;
    wire::progress at{.next_step = 1, .cursor = "0"};
    for (unsigned steps = 0; at.next_step != 0 && steps < most_steps; ++steps) {
        strings arguments{std::to_string(at.next_step), at.cursor, repair ? "1" : "0"};
        const auto reply = co_await run(dispatch_script::check, where, std::move(arguments));
        if (!reply) co_return std::unexpected(reply.error());
        auto part = wire::read_check(*reply);
        if (!part) co_return nonsense(dispatch_script::check);
        std::ranges::move(part->lines, std::back_inserter(out));
        at = *std::move(part);
        if (out.size() >= most_findings && !repair) {
            out.emplace_back("and more");
            break;
        }
    }
    co_return out;
}

}  // namespace bulkhead::queue
