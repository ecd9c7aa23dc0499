// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/cluster.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.hpp"
#include "persistence/redis/codec.hpp"
#include "persistence/redis/errand.hpp"
#include "runtime/backoff.hpp"
#include "runtime/or_die.hpp"

namespace bulkhead::redis {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_members = 1000;  // as many as a cluster may have
constexpr int most_redirections = 16;       // of one command: nodes that send it in a circle
constexpr auto between_maps = 250ms;        // at least, however many commands want a newer one
constexpr auto map_lasts = 60s;             // also when nothing has gone wrong
constexpr auto unused_for = 30s;            // after that a node without slots is left

std::chrono::milliseconds until(steady_clock::time_point end) {
    return std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now());
}

}  // namespace

/// A batch that goes to several slots.
struct redis_cluster::gathering {
    struct piece {
        std::optional<std::uint16_t> slot;
        std::vector<std::string> commands{};
        std::vector<std::size_t> places{};  // of the commands in the batch
    };

    explicit gathering(executor where) : done(where, steady_clock::time_point::max()) {}

    std::vector<piece> pieces;
    std::vector<redis_reply> replies;
    std::optional<error> failed;
    std::size_t missing = 0;
    steady_timer done;  // its cancellation says that no piece is missing
};

redis_cluster::redis_cluster(executor where, redis_endpoint endpoint, redis_keeper_options options,
                             std::size_t max_waiting)
    : executor_(where),
      endpoint_(std::move(endpoint)),
      options_(std::move(options)),
      max_waiting_(max_waiting),
      topology_(where, endpoint_, options_.connection),
      owners_(slot_count),
      pause_(where) {}

void redis_cluster::start() { net::co_spawn(executor_, watch(shared_from_this()), or_die); }

void redis_cluster::stop() {
    stopped_ = true;
    topology_.cancel();
    pause_.cancel();
    for (const auto& each : members_) each->node->retire();
}

bool redis_cluster::connected() const {
    return covered_ && std::ranges::all_of(members_, [](const auto& each) {
               return !each->serves || each->node->connected();
           });
}

awaitable<> redis_cluster::watch(std::shared_ptr<redis_cluster> self) {
    runtime::backoff delay(self->options_.reconnect_first, self->options_.reconnect_most);
    while (!self->stopped_) {
        self->refresh_wanted_ = false;
        const auto ranges = co_await self->topology_.ask();
        if (self->stopped_) co_return;
        if (ranges) {
            delay.reset();
            self->apply(*ranges);
        } else {
            self->tell(false, ranges.error());
        }
        self->pause_.expires_after(ranges ? between_maps : delay.next());
        co_await self->pause_.async_wait(use_tuple);
        if (!ranges || self->refresh_wanted_ || self->stopped_) continue;
        self->resting_ = true;
        self->pause_.expires_after(map_lasts);
        co_await self->pause_.async_wait(use_tuple);
        self->resting_ = false;
    }
}

void redis_cluster::refresh_soon() {
    refresh_wanted_ = true;
    if (resting_) pause_.cancel();
}

void redis_cluster::apply(const std::vector<slot_range>& ranges) {
    for (const auto& each : members_) each->serves = false;
    std::ranges::fill(owners_, nullptr);
    for (const auto& range : ranges) {
        const auto owner = find_or_add(range.primary);
        if (!owner) continue;
        owner->serves = true;
        std::fill(owners_.begin() + range.first, owners_.begin() + range.last + 1, owner);
    }
    const auto long_ago = steady_clock::now() - unused_for;
    std::erase_if(members_, [&](const auto& each) {
        if (each->serves || each->used > long_ago || !each->node->idle()) return false;
        each->node->retire();
        return true;
    });
    const auto orphans = std::ranges::count(owners_, nullptr);
    covered_ = orphans == 0;
    if (!covered_) return tell(false, std::to_string(orphans) + " slots have no node");
    if (connected()) tell(true, "connected to all nodes");
}

redis_cluster::member_ptr redis_cluster::find_or_add(const redis_address& at) {
    const auto known = std::ranges::find_if(members_, [&](const auto& each) { return each->at == at; });
    if (known != members_.end()) return *known;
    if (stopped_ || members_.size() == most_members) return nullptr;
    auto options = options_;
    options.on_change = [weak = weak_from_this(), at](bool up, std::string_view why) {
        if (const auto self = weak.lock()) self->node_changed(at, up, why);
    };
    auto added = std::make_shared<member>();
    added->at = at;
    added->node = std::make_shared<redis_node>(executor_, endpoint_.at(at), std::move(options), max_waiting_);
    added->node->start();
    return members_.emplace_back(std::move(added));
}

redis_cluster::member_ptr redis_cluster::anybody() const {
    const auto up = std::ranges::find_if(
        members_, [](const auto& each) { return each->serves && each->node->connected(); });
    if (up != members_.end()) return *up;
    return members_.empty() ? nullptr : members_.front();
}

redis_cluster::member_ptr redis_cluster::target_for(std::optional<std::uint16_t> slot) const {
    return slot ? owners_[*slot] : anybody();
}

redis_cluster::member_ptr redis_cluster::follow_moved(const redirection& where) {
    auto owner = find_or_add(where.to);
    if (owner) owner->serves = true;
    owners_[where.slot] = owner;
    refresh_soon();  // where one slot has gone there are more
    return owner;
}

void redis_cluster::node_changed(const redis_address& at, bool up, std::string_view why) {
    const auto it = std::ranges::find_if(members_, [&](const auto& each) { return each->at == at; });
    if (it == members_.end() || !(*it)->serves) return;
    if (!up) {
        refresh_soon();  // a replica may have taken over
        return tell(false, to_text(at) + ": " + std::string(why));
    }
    if (connected()) tell(true, "connected to all nodes");
}

void redis_cluster::tell(bool up, std::string_view why) {
    if (up && std::exchange(whole_, true)) return;
    if (!up) whole_ = connected();
    if (options_.on_change && up == whole_) options_.on_change(up, why);
}

awaitable<result<std::vector<redis_reply>>> redis_cluster::ask(std::shared_ptr<redis_cluster> self,
                                                               std::optional<std::uint16_t> slot,
                                                               std::vector<std::string> commands, bool as_one,
                                                               std::chrono::milliseconds limit) {
    const auto end = steady_clock::now() + limit;
    redis_errand errand(std::move(commands), as_one);
    runtime::backoff delay(10ms, 100ms);
    auto target = self->target_for(slot);
    for (int redirections = 0; redirections <= most_redirections;) {
        if (!target) {
            self->refresh_soon();
            co_return fail(errc::unavailable, "The cache is away.");
        }
        target->used = steady_clock::now();
        if (!target->node->tried()) co_await redis_node::wait_for_change(target->node, end);
        auto bytes = errand.bytes();
        auto replies =
            co_await redis_link::ask(target->node->link(), std::move(bytes), errand.expected(), until(end));
        if (!replies) {
            self->refresh_soon();
            co_return std::unexpected(std::move(replies).error());
        }
        const auto next = errand.take(std::move(*replies), target->at);
        if (next == redis_errand::next::done) co_return std::move(errand).replies();
        if (next == redis_errand::next::wait) {
            self->refresh_soon();
            steady_timer pause(self->executor_);
            pause.expires_at(std::min(end, steady_clock::now() + delay.next()));
            co_await pause.async_wait(use_tuple);
            if (self->stopped_ || steady_clock::now() >= end)
                co_return fail(errc::unavailable, "The cache is moving what was asked for.");
            target = self->target_for(slot);
            continue;
        }
        ++redirections;
        const bool for_good = next == redis_errand::next::moved;
        target = for_good ? self->follow_moved(errand.where()) : self->find_or_add(errand.where().to);
    }
    co_return fail(errc::unavailable, "The nodes of the cache do not agree about who serves a key.");
}

awaitable<> redis_cluster::gather(std::shared_ptr<redis_cluster> self, std::shared_ptr<gathering> into,
                                  std::size_t piece, std::chrono::milliseconds limit) {
    auto& mine = into->pieces[piece];
    auto replies = co_await ask(self, mine.slot, std::move(mine.commands), false, limit);
    for (std::size_t i = 0; replies && i < mine.places.size(); ++i)
        into->replies[mine.places[i]] = std::move((*replies)[i]);
    if (!replies && !into->failed) into->failed = std::move(replies).error();
    if (--into->missing == 0) into->done.cancel();
}

awaitable<result<std::vector<redis_reply>>> redis_cluster::ask_all(
    std::shared_ptr<redis_cluster> self, std::vector<std::vector<std::string>> batch,
    std::chrono::milliseconds limit) {
    const auto is_multi = [](const auto& argv) { return !argv.empty() && iequals(argv.front(), "MULTI"); };
    const bool as_one = std::ranges::any_of(batch, is_multi);
    const auto all = std::make_shared<gathering>(self->executor_);
    std::map<std::uint16_t, std::size_t> piece_of;
    all->pieces.emplace_back();  // the first, which also takes what has no key
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const auto slot = slot_of_command(batch[i]);
        auto& first = all->pieces.front();
        if (slot && !first.slot) {
            first.slot = slot;
            piece_of.emplace(*slot, 0);
        }
        std::size_t to = 0;
        if (slot && !as_one) {
            to = piece_of.try_emplace(*slot, all->pieces.size()).first->second;
            if (to == all->pieces.size()) all->pieces.push_back({.slot = slot});
        }
        auto& piece = all->pieces[to];
        piece.places.push_back(i);
        append_redis_command(piece.commands.emplace_back(), batch[i]);
    }
    batch.clear();
    if (all->pieces.size() == 1) {
        auto& only = all->pieces.front();
        co_return co_await ask(self, only.slot, std::move(only.commands), as_one, limit);
    }
    all->missing = all->pieces.size();
    for (const auto& piece : all->pieces) all->replies.resize(all->replies.size() + piece.places.size());
    for (std::size_t i = 0; i < all->pieces.size(); ++i)
        net::co_spawn(self->executor_, gather(self, all, i, limit), or_die);
    if (all->missing > 0) co_await all->done.async_wait(use_tuple);
    if (all->missing > 0) co_return fail(errc::unavailable, "The question to the cache was given up.");
    if (all->failed) co_return std::unexpected(std::move(*all->failed));
    co_return std::move(all->replies);
}

}  // namespace bulkhead::redis
